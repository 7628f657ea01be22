"""The HTTP interface as an OpenAPI 3.0 document, generated from the models of requests and responses.

`.venv/bin/python -m shared.http.openapi > infra/openapi.json` writes the document with the operations of the gateway on
Azure.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.domain.customer import Customer, CustomerInput, RegistrationInput, with_phone_number
from shared.domain.customer_patch import patch_of
from shared.domain.customer_view import CustomerView
from shared.domain.kakao_message import KakaoMessage, KakaoMessageDraft
from shared.domain.privacy_policy import AGE_OF_CONSENT
from shared.domain.registration import RegistrationStatus
from shared.http import hal, paging, problems
from shared.http.openapi_access import (
    REFUSALS,
    with_access,
    with_optional_access,
    with_optional_consent,
    without_access,
)
from shared.http.openapi_operators import found, reading_messages, searching, with_operators
from shared.http.openapi_own import own_data, own_registration, reading_own
from shared.http.openapi_policies import from_age, reading_policy, reading_policy_version
from shared.http.requests import JSON, MERGE_PATCH
from shared.use_cases.searching import CustomerSearch

type Json = dict[str, Any]

SCHEMAS: Final = "#/components/schemas/{model}"
HIDDEN_PROPERTIES: Final = ("requestFingerprint", "owner")
PROBLEMS: Final[Mapping[str, str]] = {
    **REFUSALS,
    "400": "The request is not readable.",
    "404": "There is no such resource.",
    "409": "The resource already exists, or it is too late.",
    "410": "The registration that the Idempotency-Key belongs to has expired or was withdrawn.",
    "412": "The resource has changed since it was read.",
    "413": "The body is too large.",
    "415": "The body is of a type that is not listed, or not in UTF-8.",
    "422": "Values are missing or not allowed, or the Idempotency-Key was used with another request.",
    "429": "The KakaoTalk provider takes no more for now; nothing was sent. Retry-After says when to try again.",
    "503": "A service that is needed does not respond. Retry-After says when to try again.",
}
# Requests may write it in other ways: hal.properties_of.
SHOWN_PHONE_NUMBER: Final[Json] = {"type": "string", "pattern": "^010-[0-9]{4}-[0-9]{4}$", "example": "010-1234-5678"}
SHOWN_CONSENT: Final[Json] = {
    "allOf": [{"$ref": SCHEMAS.format(model="Consent")}],
    "description": "Shown to the customer only.",
}
OTHER_REGISTRATION: Final = "Of a customer who has a registration: to it, with rel=registration."
CONDITIONS: Final = ("If-Match", "If-None-Match")
NOUNS: Final[Mapping[str, str]] = {
    "Customer": "customer",
    "Kakao": "message",
    "CustomerView": "view of the customer",
    "Registration": "registration",
}


def document(
    *,
    phone_number_needed: bool = False,
    is_open: bool = False,
    callers_are_known: bool = False,
    minimum_age: int = AGE_OF_CONSENT,
) -> Json:
    """The whole interface: all services under one address.

    `is_open`: everybody may call everything; with `callers_are_known`, whoever shows a token is known all the same.
    `minimum_age`: younger people are not registered.
    """
    schemas = _schemas(phone_number_needed, minimum_age)
    if is_open and callers_are_known:
        interface = _interface(with_optional_consent(schemas), "NewRegistration")
        interface = with_operators(interface, _problems("400"), lists_are_theirs=False)
        interface = with_optional_access(interface, _problems(*REFUSALS), _problems("404"))
    elif is_open:
        interface = without_access(_interface(schemas, "NewCustomer"))
    else:
        interface = with_operators(_interface(schemas, "NewRegistration"), _problems("400"))
        interface = with_access(interface, _problems(*REFUSALS))
    return {**interface, "paths": {path: _with_head(operations) for path, operations in interface["paths"].items()}}


def _interface(schemas: Json, new_customer: str) -> Json:
    """`new_customer`: the schema of what is sent to register."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "ssak8",
            "version": "1.0.0",
            "description": "Customer registration of a house-cleaning service. Lists are newest first.",
        },
        "paths": {
            "/customers": {
                "post": _postponable(
                    _creation("register-customer", "Register; KakaoTalk is notified first", "Customer", new_customer)
                ),
                "get": _listing("list-customers", "CustomerList"),
            },
            "/customers/{id}": {
                "get": _reading("get-customer", "Customer", conditional=True),
                "put": _correction("replace-customer", "Replace all details", {JSON: "NewCustomer"}),
                "patch": _correction(
                    "patch-customer",
                    "Change some details: JSON Merge Patch (RFC 7396)",
                    {MERGE_PATCH: "CustomerPatch", JSON: "CustomerPatch"},
                ),
                "delete": _cancellation(),
            },
            "/customers/search": {"post": _search()},
            "/registrations/{id}": {"get": _reading_registration(), "delete": _withdrawal()},
            "/kakaos": {
                "post": _with_problems(_creation("send-kakao", "Send a KakaoTalk message", "Kakao", "NewKakao"), "429"),
                "get": _listing("list-kakaos", "KakaoList"),
            },
            "/kakaos/{id}": {"get": _reading("get-kakao", "Kakao")},
            "/customerViews": {"get": _listing("list-customer-views", "CustomerViewList")},
            "/customerViews/{id}": {"get": _reading("get-customer-view", "CustomerView")},
            "/customerViews/{id}/messages": {"get": _messages_of_customer()},
            "/me/registration": {"get": _own_registration()},
            "/me/data": {"get": _own_data()},
            "/privacy": {"get": _with_problems(reading_policy(), "404")},
            "/privacy/{version}": {"get": _with_problems(reading_policy_version(), "404")},
            "/openapi.json": {"get": _openapi()},
        },
        "components": {"schemas": schemas},
    }


def _schemas(phone_number_needed: bool, minimum_age: int) -> Json:
    inputs: list[type[CustomerInput]] = [CustomerInput, RegistrationInput, KakaoMessageDraft]
    sent: list[type[CustomerInput]] = [with_phone_number(model) if phone_number_needed else model for model in inputs]
    _, definitions = models_json_schema(
        [
            *((model, "validation") for model in (*sent, patch_of(sent[0]))),
            (CustomerSearch, "validation"),
            (Customer, "serialization"),
            (KakaoMessage, "serialization"),
            (CustomerView, "serialization"),
        ],
        ref_template=SCHEMAS,
    )
    models = definitions["$defs"]
    resources = {
        "Customer": _resource(models.pop("Customer"), "customer"),
        "Kakao": _resource(models.pop("KakaoMessage"), "kakao", own_id=True),
        "CustomerView": _resource(models.pop("CustomerView"), "customerView"),
    }
    requests = {
        "NewCustomer": models.pop("CustomerInput"),
        "NewRegistration": models.pop("RegistrationInput"),
        "NewKakao": models.pop("KakaoMessageDraft"),
        "CustomerPatch": _without_defaults(models.pop("CustomerPatch")),
    }
    requests = from_age(requests, minimum_age)
    requests["CustomerSearch"] = models.pop("CustomerSearch")
    lists = {
        "CustomerList": _list_of("Customer", "customers"),
        "MessagesFound": found(_list_of("Kakao", "kakaos")),
        "CustomersFound": found(_list_of("Customer", "customers")),
        "KakaoList": _list_of("Kakao", "kakaos"),
        "CustomerViewList": _list_of("CustomerView", "customerViews"),
    }
    others = {
        "Registration": _registration(),
        "OwnRegistration": own_registration(resources["CustomerView"], {"$ref": SCHEMAS.format(model="Link")}),
        "OwnData": own_data(),
        "Link": _link(),
        "Problem": _problem(),
    }
    schemas: Json = {**requests, **resources, **lists, **models, **others}
    return {name: _as_openapi_3_0(schema) for name, schema in sorted(schemas.items())}


def _without_defaults(schema: Json) -> Json:
    """What a patch leaves out stays as it is."""
    properties = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _resource(schema: Json, name: str, *, own_id: bool = False) -> Json:
    """A model as a HAL resource: with `id` (the customer's, unless the resource has its own) and `_links`."""
    link = {"$ref": SCHEMAS.format(model="Link")}
    links = {"type": "object", "properties": {"self": link, name: link}, "required": ["self", name]}
    properties = {key: value for key, value in schema["properties"].items() if key not in HIDDEN_PROPERTIES}
    properties["customerPhone"] = SHOWN_PHONE_NUMBER
    if "consent" in properties:
        properties["consent"] = SHOWN_CONSENT
    identity = {"type": "string"} if own_id else properties.pop("customerId")
    required = [key for key in schema["required"] if key in properties]
    # What follows the first paragraph is about properties that may be hidden.
    description = schema["description"].partition("\n\n")[0]
    return {
        **schema,
        "description": description,
        "properties": {"id": identity, **properties, "_links": links},
        "required": ["id", *required, "_links"],
    }


def _list_of(resource: str, collection: str) -> Json:
    items = {"type": "array", "items": {"$ref": SCHEMAS.format(model=resource)}}
    link = {"$ref": SCHEMAS.format(model="Link")}
    return {
        "type": "object",
        "required": ["_embedded", "_links", "page"],
        "properties": {
            "_embedded": {"type": "object", "properties": {collection: items}, "required": [collection]},
            "_links": {"type": "object", "properties": {"self": link, "next": link}, "required": ["self"]},
            "page": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
        },
    }


def _registration() -> Json:
    link, moment = {"$ref": SCHEMAS.format(model="Link")}, {"type": "string", "format": "date-time"}
    return {
        "type": "object",
        "description": "A registration, whether it was postponed or not. All statuses but pending are final.",
        "properties": {
            "id": {"type": "string", "description": "That of the customer, once registered."},
            "status": {"type": "string", "enum": [status.value for status in RegistrationStatus]},
            "acceptedAt": moment,
            "expiresAt": {**moment, "description": "While it is pending."},
            "reason": {"type": "string", "description": "Why it was refused."},
            "_links": {"type": "object", "properties": {"self": link, "customer": link}, "required": ["self"]},
        },
        "required": ["id", "status", "acceptedAt", "_links"],
    }


def _link() -> Json:
    return {"type": "object", "properties": {"href": {"type": "string", "format": "uri"}}, "required": ["href"]}


def _problem() -> Json:
    error = {
        "type": "object",
        "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
        "required": ["field", "reason"],
    }
    texts = {key: {"type": "string"} for key in ("type", "title", "detail", "instance", "traceId")}
    return {
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "properties": {**texts, "status": {"type": "integer"}, "errors": {"type": "array", "items": error}},
        "required": ["type", "title", "status", "detail", "instance", "traceId"],
    }


def _as_openapi_3_0(schema: Any) -> Any:
    """JSON Schema in the form of OpenAPI 3.0: `nullable` instead of a null type, and no titles made from names."""
    if isinstance(schema, list):
        return [_as_openapi_3_0(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    options = schema.get("anyOf", [])
    if {"type": "null"} in options:
        [other] = [option for option in options if option != {"type": "null"}]
        return {**_as_openapi_3_0(other), "nullable": True}
    return {key: _as_openapi_3_0(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}


def _with_head(operations: Json) -> Json:
    """The operations of a path, with HEAD if there is GET. The gateway on Azure passes on only what is listed."""
    if "get" not in operations:
        return operations
    get = operations["get"]
    # The same response without its content (RFC 9110 §9.3.2).
    responses = {status: {"description": response["description"]} for status, response in get["responses"].items()}
    head = {"operationId": f"{get['operationId']}-head", "summary": f"{get['summary']} (headers only)"}
    return {**operations, "head": {**get, **head, "responses": responses}}


def _creation(operation: str, summary: str, resource: str, request: str) -> Json:
    content = {"application/json": {"schema": {"$ref": SCHEMAS.format(model=request)}}}
    key = _parameter("Idempotency-Key", "header", {"type": "string", "minLength": 1, "maxLength": 255})
    headers = {"Location": {"schema": {"type": "string", "format": "uri"}}}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [key],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "201": {"description": "Created.", "headers": headers, "content": _content(resource)},
            **_problems("400", "409", "413", "415", "422", "503"),
        },
    }


def _postponable(creation: Json) -> Json:
    """A creation that is answered 202 if the client prefers that to 503 (RFC 7240)."""
    prefer = {
        **_parameter("Prefer", "header", {"type": "string"}),
        "description": "With respond-async, a registration that KakaoTalk cannot be notified of now is postponed.",
    }
    uri, text = {"schema": {"type": "string", "format": "uri"}}, {"schema": {"type": "string"}}
    accepted = {
        "description": "Postponed: it is tried until KakaoTalk answers. Until then there is no customer.",
        "headers": {"Location": uri, "Preference-Applied": text, **_retry_after()},
        "content": _content("Registration"),
    }
    conflict = {**creation["responses"]["409"], "headers": {"Link": {**text, "description": OTHER_REGISTRATION}}}
    responses = {**creation["responses"], "202": accepted, "409": conflict, **_problems("410")}
    return {
        **creation,
        "parameters": [*creation["parameters"], prefer],
        "responses": dict(sorted(responses.items())),
    }


def _reading_registration() -> Json:
    reading = _reading("get-registration", "Registration")
    found = {**reading["responses"]["200"], "headers": _retry_after()}
    return {**reading, "responses": {**reading["responses"], "200": found}}


def _retry_after() -> Json:
    description = "While it is pending: the seconds after which it may have changed."
    return {"Retry-After": {"description": description, "schema": {"type": "integer"}}}


def _withdrawal() -> Json:
    return {
        "operationId": "withdraw-registration",
        "summary": "Withdraw a registration that is pending; doing it again succeeds",
        "parameters": [_identity()],
        "responses": {"204": {"description": "Withdrawn."}, **_problems("404", "409", "412", "503")},
    }


def _with_problems(operation: Json, *statuses: str) -> Json:
    """The operation with more responses."""
    return {**operation, "responses": dict(sorted({**operation["responses"], **_problems(*statuses)}.items()))}


def _listing(operation: str, resource: str) -> Json:
    size = {"type": "integer", "minimum": 1, "maximum": paging.LARGEST_SIZE, "default": paging.DEFAULT_SIZE}
    cursor = {"type": "string", "minLength": 1, "maxLength": paging.LONGEST_CURSOR}
    return {
        "operationId": operation,
        "summary": "List, newest first; _links.next leads to the next page",
        "parameters": [_parameter("size", "query", size), _parameter("cursor", "query", cursor)],
        "responses": {"200": {"description": "The page.", "content": _content(resource)}, **_problems("400", "503")},
    }


def _messages_of_customer() -> Json:
    messages = {"description": "The messages.", "content": _content("MessagesFound")}
    return reading_messages(_identity(), {"200": messages, **_problems("400", "404", "503")})


def _search() -> Json:
    request = {JSON: {"schema": {"$ref": SCHEMAS.format(model="CustomerSearch")}}}
    customers = {"description": "The customers with exactly this number.", "content": _content("CustomersFound")}
    return searching(request, {"200": customers, **_problems("400", "413", "415", "422", "503")})


def _reading(operation: str, resource: str, *, conditional: bool = False) -> Json:
    """`conditional`: the resource has an ETag, which If-None-Match can name."""
    condition = [_parameter("If-None-Match", "header", {"type": "string"})] if conditional else []
    unchanged = {"304": {"description": "The resource is still as named by If-None-Match."}} if conditional else {}
    return {
        "operationId": operation,
        "summary": "Get one by its id",
        "parameters": [_identity(), *condition],
        "responses": {
            "200": {"description": f"The {NOUNS[resource]}.", "content": _content(resource)},
            **unchanged,
            **_problems("404", "503"),
        },
    }


def _correction(operation: str, summary: str, bodies: Mapping[str, str]) -> Json:
    """`bodies`: the schema of each media type."""
    content = {media: {"schema": {"$ref": SCHEMAS.format(model=model)}} for media, model in bodies.items()}
    headers = {"ETag": {"description": "The version.", "schema": {"type": "string"}}}
    return {
        "operationId": operation,
        "summary": f"{summary}; nobody is messaged",
        "parameters": [_identity(), *_conditions()],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The customer as it is now.", "headers": headers, "content": _content("Customer")},
            **_problems("400", "404", "412", "413", "415", "422", "503"),
        },
    }


def _conditions() -> list[Json]:
    return [_parameter(name, "header", {"type": "string"}) for name in CONDITIONS]


def _cancellation() -> Json:
    return {
        "operationId": "cancel-registration",
        "summary": "Cancel a registration; works while KakaoTalk is down",
        "parameters": [_identity(), *_conditions()],
        "responses": {"204": {"description": "Cancelled."}, **_problems("404", "412", "503")},
    }


def _own_registration() -> Json:
    reading = reading_own(
        "get-own-registration", "Get your own registration", "The registration.", _content("OwnRegistration")
    )
    return _with_problems(reading, "404", "503")


def _own_data() -> Json:
    content = {JSON: {"schema": {"$ref": SCHEMAS.format(model="OwnData")}}}
    reading = reading_own("get-own-data", "Download everything that is stored about you", "The documents.", content)
    return _with_problems(reading, "404", "503")


def _openapi() -> Json:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This document",
        # The gateway refuses a large body before it chooses an app.
        "responses": {"200": {"description": "The document.", "content": content}, **_problems("413")},
    }


def _identity() -> Json:
    return {**_parameter("id", "path", {"type": "string"}), "required": True}


def _parameter(name: str, place: str, schema: Json) -> Json:
    return {"name": name, "in": place, "schema": schema}


def _content(resource: str) -> Json:
    return {hal.MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model=resource)}}}


def _problems(*statuses: str) -> Json:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model="Problem")}}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in statuses}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2) + "\n")
