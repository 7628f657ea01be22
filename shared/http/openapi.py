"""The HTTP interface as an OpenAPI 3.0 document, generated from the models of requests and responses.

`.venv/bin/python -m shared.http.openapi > infra/openapi.json` writes the document with the operations of the gateway on
Azure.
"""

import json
import sys

from shared.domain.privacy_policy import AGE_OF_CONSENT
from shared.http.openapi_access import (
    REFUSALS,
    with_access,
    with_optional_access,
    with_optional_consent,
    without_access,
)
from shared.http.openapi_operations import (
    cancellation,
    correction,
    creation,
    listing,
    messages_of_customer,
    postponable,
    reading,
    reading_openapi,
    reading_own_data,
    reading_own_registration,
    reading_registration,
    search,
    with_head,
    with_problems,
    withdrawal,
)
from shared.http.openapi_operators import with_operators
from shared.http.openapi_parts import Json, problem_responses
from shared.http.openapi_policies import reading_policy, reading_policy_version
from shared.http.openapi_schemas import schemas_of
from shared.http.requests import JSON, MERGE_PATCH


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
    schemas = schemas_of(phone_number_needed, minimum_age)
    if is_open and callers_are_known:
        interface = _interface(with_optional_consent(schemas), "NewRegistration")
        interface = with_operators(interface, problem_responses("400"), lists_are_theirs=False)
        interface = with_optional_access(interface, problem_responses(*REFUSALS), problem_responses("404"))
    elif is_open:
        interface = without_access(_interface(schemas, "NewCustomer"))
    else:
        interface = with_operators(_interface(schemas, "NewRegistration"), problem_responses("400"))
        interface = with_access(interface, problem_responses(*REFUSALS))
    return {**interface, "paths": {path: with_head(operations) for path, operations in interface["paths"].items()}}


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
                "post": postponable(
                    creation("register-customer", "Register; KakaoTalk is notified first", "Customer", new_customer)
                ),
                "get": listing("list-customers", "CustomerList"),
            },
            "/customers/{id}": {
                "get": reading("get-customer", "Customer", conditional=True),
                "put": correction("replace-customer", "Replace all details", {JSON: "NewCustomer"}),
                "patch": correction(
                    "patch-customer",
                    "Change some details: JSON Merge Patch (RFC 7396)",
                    {MERGE_PATCH: "CustomerPatch", JSON: "CustomerPatch"},
                ),
                "delete": cancellation(),
            },
            "/customers/search": {"post": search()},
            "/registrations/{id}": {"get": reading_registration(), "delete": withdrawal()},
            "/kakaos": {
                "post": with_problems(creation("send-kakao", "Send a KakaoTalk message", "Kakao", "NewKakao"), "429"),
                "get": listing("list-kakaos", "KakaoList"),
            },
            "/kakaos/{id}": {"get": reading("get-kakao", "Kakao")},
            "/customerViews": {"get": listing("list-customer-views", "CustomerViewList")},
            "/customerViews/{id}": {"get": reading("get-customer-view", "CustomerView")},
            "/customerViews/{id}/messages": {"get": messages_of_customer()},
            "/me/registration": {"get": reading_own_registration()},
            "/me/data": {"get": reading_own_data()},
            "/privacy": {"get": with_problems(reading_policy(), "404")},
            "/privacy/{version}": {"get": with_problems(reading_policy_version(), "404")},
            "/openapi.json": {"get": reading_openapi()},
        },
        "components": {"schemas": schemas},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2) + "\n")
