"""The operations of the OpenAPI document: what is sent to each, and what it answers."""

from collections.abc import Mapping
from typing import Final

from shared.http import paging
from shared.http.openapi_operators import reading_messages, searching
from shared.http.openapi_own import reading_own
from shared.http.openapi_parts import SCHEMAS, Json, content_of, parameter, problem_responses
from shared.http.requests import JSON

OTHER_REGISTRATION: Final = "Of a customer who has a registration: to it, with rel=registration."
CONDITIONS: Final = ("If-Match", "If-None-Match")
NOUNS: Final[Mapping[str, str]] = {
    "Customer": "customer",
    "Kakao": "message",
    "CustomerView": "view of the customer",
    "Registration": "registration",
}


def with_head(operations: Json) -> Json:
    """The operations of a path, with HEAD if there is GET. The gateway on Azure passes on only what is listed."""
    if "get" not in operations:
        return operations
    get = operations["get"]
    # The same response without its content (RFC 9110 §9.3.2).
    responses = {status: {"description": response["description"]} for status, response in get["responses"].items()}
    head = {"operationId": f"{get['operationId']}-head", "summary": f"{get['summary']} (headers only)"}
    return {**operations, "head": {**get, **head, "responses": responses}}


def creation(operation: str, summary: str, resource: str, request: str) -> Json:
    content = {"application/json": {"schema": {"$ref": SCHEMAS.format(model=request)}}}
    key = parameter("Idempotency-Key", "header", {"type": "string", "minLength": 1, "maxLength": 255})
    headers = {"Location": {"schema": {"type": "string", "format": "uri"}}}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [key],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "201": {"description": "Created.", "headers": headers, "content": content_of(resource)},
            **problem_responses("400", "409", "413", "415", "422", "503"),
        },
    }


def postponable(operation: Json) -> Json:
    """A creation that is answered 202 if the client prefers that to 503 (RFC 7240)."""
    prefer = {
        **parameter("Prefer", "header", {"type": "string"}),
        "description": "With respond-async, a registration that KakaoTalk cannot be notified of now is postponed.",
    }
    uri, text = {"schema": {"type": "string", "format": "uri"}}, {"schema": {"type": "string"}}
    accepted = {
        "description": "Postponed: it is tried until KakaoTalk answers. Until then there is no customer.",
        "headers": {"Location": uri, "Preference-Applied": text, **_retry_after()},
        "content": content_of("Registration"),
    }
    conflict = {**operation["responses"]["409"], "headers": {"Link": {**text, "description": OTHER_REGISTRATION}}}
    responses = {**operation["responses"], "202": accepted, "409": conflict, **problem_responses("410")}
    return {
        **operation,
        "parameters": [*operation["parameters"], prefer],
        "responses": dict(sorted(responses.items())),
    }


def reading_registration() -> Json:
    operation = reading("get-registration", "Registration")
    found = {**operation["responses"]["200"], "headers": _retry_after()}
    return {**operation, "responses": {**operation["responses"], "200": found}}


def _retry_after() -> Json:
    description = "While it is pending: the seconds after which it may have changed."
    return {"Retry-After": {"description": description, "schema": {"type": "integer"}}}


def withdrawal() -> Json:
    return {
        "operationId": "withdraw-registration",
        "summary": "Withdraw a registration that is pending; doing it again succeeds",
        "parameters": [_identity()],
        "responses": {"204": {"description": "Withdrawn."}, **problem_responses("404", "409", "412", "503")},
    }


def with_problems(operation: Json, *statuses: str) -> Json:
    """The operation with more responses."""
    return {**operation, "responses": dict(sorted({**operation["responses"], **problem_responses(*statuses)}.items()))}


def listing(operation: str, resource: str) -> Json:
    size = {"type": "integer", "minimum": 1, "maximum": paging.LARGEST_SIZE, "default": paging.DEFAULT_SIZE}
    cursor = {"type": "string", "minLength": 1, "maxLength": paging.LONGEST_CURSOR}
    return {
        "operationId": operation,
        "summary": "List, newest first; _links.next leads to the next page",
        "parameters": [parameter("size", "query", size), parameter("cursor", "query", cursor)],
        "responses": {
            "200": {"description": "The page.", "content": content_of(resource)},
            **problem_responses("400", "503"),
        },
    }


def messages_of_customer() -> Json:
    messages = {"description": "The messages.", "content": content_of("MessagesFound")}
    return reading_messages(_identity(), {"200": messages, **problem_responses("400", "404", "503")})


def search() -> Json:
    request = {JSON: {"schema": {"$ref": SCHEMAS.format(model="CustomerSearch")}}}
    customers = {"description": "The customers with exactly this number.", "content": content_of("CustomersFound")}
    return searching(request, {"200": customers, **problem_responses("400", "413", "415", "422", "503")})


def reading(operation: str, resource: str, *, conditional: bool = False) -> Json:
    """`conditional`: the resource has an ETag, which If-None-Match can name."""
    condition = [parameter("If-None-Match", "header", {"type": "string"})] if conditional else []
    unchanged = {"304": {"description": "The resource is still as named by If-None-Match."}} if conditional else {}
    return {
        "operationId": operation,
        "summary": "Get one by its id",
        "parameters": [_identity(), *condition],
        "responses": {
            "200": {"description": f"The {NOUNS[resource]}.", "content": content_of(resource)},
            **unchanged,
            **problem_responses("404", "503"),
        },
    }


def correction(operation: str, summary: str, bodies: Mapping[str, str]) -> Json:
    """`bodies`: the schema of each media type."""
    content = {media: {"schema": {"$ref": SCHEMAS.format(model=model)}} for media, model in bodies.items()}
    headers = {"ETag": {"description": "The version.", "schema": {"type": "string"}}}
    return {
        "operationId": operation,
        "summary": f"{summary}; nobody is messaged",
        "parameters": [_identity(), *_conditions()],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The customer as it is now.", "headers": headers, "content": content_of("Customer")},
            **problem_responses("400", "404", "412", "413", "415", "422", "503"),
        },
    }


def _conditions() -> list[Json]:
    return [parameter(name, "header", {"type": "string"}) for name in CONDITIONS]


def cancellation() -> Json:
    return {
        "operationId": "cancel-registration",
        "summary": "Cancel a registration; works while KakaoTalk is down",
        "parameters": [_identity(), *_conditions()],
        "responses": {"204": {"description": "Cancelled."}, **problem_responses("404", "412", "503")},
    }


def reading_own_registration() -> Json:
    operation = reading_own(
        "get-own-registration", "Get your own registration", "The registration.", content_of("OwnRegistration")
    )
    return with_problems(operation, "404", "503")


def reading_own_data() -> Json:
    content = {JSON: {"schema": {"$ref": SCHEMAS.format(model="OwnData")}}}
    operation = reading_own("get-own-data", "Download everything that is stored about you", "The documents.", content)
    return with_problems(operation, "404", "503")


def reading_openapi() -> Json:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This document",
        # The gateway refuses a large body before it chooses an app.
        "responses": {"200": {"description": "The document.", "content": content}, **problem_responses("413")},
    }


def _identity() -> Json:
    return {**parameter("id", "path", {"type": "string"}), "required": True}
