"""What the OpenAPI document says about who may call. Where nobody can be known, it says nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

type Json = dict[str, Any]

CUSTOMER: Final = "customer"
OPERATOR: Final = "operator"
CUSTOMER_APP: Final = "customerApp"

NOBODY: Final[Json] = {}
"""A caller without a token (OpenAPI 3.0, *Security Requirement Object*)."""

EVERYBODY: Final = ()
CUSTOMERS: Final = (CUSTOMER,)
OPERATORS: Final = (OPERATOR,)
CUSTOMERS_AND_OPERATORS: Final = (CUSTOMER, OPERATOR)

WHO: Final[Mapping[str, Sequence[str]]] = {
    "register-customer": CUSTOMERS,
    "list-customers": OPERATORS,
    "search-customers": OPERATORS,
    "get-customer": CUSTOMERS_AND_OPERATORS,
    "replace-customer": CUSTOMERS,
    "patch-customer": CUSTOMERS_AND_OPERATORS,
    "cancel-registration": CUSTOMERS_AND_OPERATORS,
    "get-registration": CUSTOMERS_AND_OPERATORS,
    "withdraw-registration": CUSTOMERS_AND_OPERATORS,
    "send-kakao": (CUSTOMER_APP,),
    "list-kakaos": OPERATORS,
    "get-kakao": OPERATORS,
    "list-customer-views": OPERATORS,
    "get-customer-view": CUSTOMERS_AND_OPERATORS,
    "list-messages-of-customer": OPERATORS,
    "get-own-registration": CUSTOMERS,
    "get-own-data": CUSTOMERS,
    "get-privacy-policy": EVERYBODY,
    "get-privacy-policy-version": EVERYBODY,
    "openapi": EVERYBODY,
}
"""Who may call each operation; it must name them all."""

ONLY_WHERE_CUSTOMERS_SIGN_IN: Final = (
    "get-own-registration",
    "get-own-data",
    "search-customers",
    "list-messages-of-customer",
)
"""For whoever has not, these are 404 if access is open."""

REFUSALS: Final[Mapping[str, str]] = {
    "401": "Nobody has signed in, or the token is not accepted.",
    "403": "The call is not for this caller.",
}


def _bearer(description: str) -> Json:
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}


SCHEMES: Final[Json] = {
    CUSTOMER: _bearer("A session of this service. What belongs to other customers does not exist for a customer."),
    OPERATOR: _bearer("An access token of Entra ID for this service, with the app role Operator."),
    CUSTOMER_APP: _bearer("The managed identity of the customer app, which calls without the gateway."),
}


def with_access(interface: Json, refusals: Json) -> Json:
    """The interface with who may call what, and the responses to anybody else. `refusals`: those of `REFUSALS`."""
    refused = _challenging(refusals)
    return _with_security(interface, lambda operation: _for_callers(operation, refused), SCHEMES)


def with_optional_access(interface: Json, refusals: Json, missing: Json) -> Json:
    """The interface where everybody may call everything, and whoever shows a token is known by it.

    `missing`: the response about what is nobody's, as long as nobody is known.
    """
    refused = _challenging(refusals)

    def optional(operation: Json) -> Json:
        name = operation["operationId"]
        if WHO[name] == (CUSTOMER_APP,):
            return {**operation, "security": []}
        known = _for_callers(operation, refused)
        if name in ONLY_WHERE_CUSTOMERS_SIGN_IN:
            return {**known, "responses": dict(sorted({**missing, **known["responses"]}.items()))}
        return {**known, "security": [NOBODY, *known["security"]]} if known["security"] else known

    schemes = {name: scheme for name, scheme in SCHEMES.items() if name != CUSTOMER_APP}
    return _with_security(interface, optional, schemes)


def with_optional_consent(schemas: Json) -> Json:
    """The schemas where only customers who have signed in must consent to be registered."""
    registration = schemas["NewRegistration"]
    required = [name for name in registration["required"] if name != "consent"]
    description = "The details. A customer who has signed in must also send what they consent to."
    return {**schemas, "NewRegistration": {**registration, "description": description, "required": required}}


def _challenging(refusals: Json) -> Json:
    challenge = {"WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}}}
    return {status: {**response, "headers": challenge} for status, response in refusals.items()}


def _with_security(interface: Json, secured: Callable[[Json], Json], schemes: Json) -> Json:
    paths = {
        path: {method: secured(operation) for method, operation in operations.items()}
        for path, operations in interface["paths"].items()
    }
    components = {**interface["components"], "securitySchemes": schemes}
    return {**interface, "paths": paths, "components": components}


def _for_callers(operation: Json, refused: Json) -> Json:
    who = WHO[operation["operationId"]]
    responses = {**operation["responses"], **(refused if who else {})}
    return {
        **operation,
        "security": [{scheme: []} for scheme in who],
        "responses": dict(sorted(responses.items())),
    }


def without_access(interface: Json) -> Json:
    """The interface where everybody may call everything, and nothing is known to be anybody's own."""
    paths = {
        path: operations
        for path, operations in interface["paths"].items()
        if not any(each["operationId"] in ONLY_WHERE_CUSTOMERS_SIGN_IN for each in operations.values())
    }
    return {**interface, "security": [], "paths": paths}
