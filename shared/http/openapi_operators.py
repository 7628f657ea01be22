"""What the OpenAPI document says about what operators see: masked resources, revealing one, and the search."""

from typing import Any, Final

from shared.domain.access_record import Reason
from shared.http.operators import MASKED, SHOWN
from shared.use_cases.searching import MOST_FOUND

type Json = dict[str, Any]

REVEALABLE: Final = ("get-customer", "get-customer-view", "get-kakao", "get-registration")
"""Operations that show one resource, to operators whole if they say why."""

CHANGES: Final = ("patch-customer",)
"""Operations of operators that answer with a resource, always masked for them."""

_SCHEMAS: Final = "#/components/schemas/"
_FOUND: Final = ("CustomersFound", "MessagesFound")
"""What only operators get, also where everybody may list."""
_LISTS: Final = {
    "CustomerList": "Customer",
    "CustomersFound": "Customer",
    "MessagesFound": "Kakao",
    "KakaoList": "Kakao",
    "CustomerViewList": "CustomerView",
}
_EXAMPLES: Final = {
    "customerName": "홍*동",
    "customerPhone": "010-****-5678",
    "customerAddress": "인천광역시 남동구 ***",
    "customerAge": "20대",
}
_MARK: Final[Json] = {"type": "boolean", "enum": [True], "description": "For operators: what is personal is masked."}

_REVEAL: Final[Json] = {
    "name": "reveal",
    "in": "query",
    "description": "For operators, who see masked values without it. It is recorded.",
    "schema": {"type": "boolean", "default": False},
}
_REASON: Final[Json] = {
    "name": "reason",
    "in": "query",
    "description": "For operators, with reveal=true: why.",
    "schema": {"type": "string", "enum": list(Reason)},
}


def with_operators(interface: Json, refusals: Json, *, lists_are_theirs: bool = True) -> Json:
    """The interface with what operators see. `refusals`: the response to a reveal that is not possible.

    `lists_are_theirs`: nobody else gets lists.
    """
    paths = {
        path: {method: _for_operators(operation, refusals) for method, operation in operations.items()}
        for path, operations in interface["paths"].items()
    }
    schemas = interface["components"]["schemas"]
    masked = {_name_of_masked(name): _masked(schemas[name]) for name in sorted(set(_LISTS.values()))}
    lists = {
        name: _list_of(schemas[name], _masked_reference(resource))
        if lists_are_theirs or name in _FOUND
        else _list_of(schemas[name], _whole_or_masked({"$ref": _SCHEMAS + resource}))
        for name, resource in _LISTS.items()
    }
    registration = schemas["Registration"]
    marked = {**registration, "properties": {**registration["properties"], "masked": _MARK}}
    changed = {**schemas, **masked, **lists, "Registration": marked}
    components = {**interface["components"], "schemas": dict(sorted(changed.items()))}
    return {**interface, "paths": paths, "components": components}


def _name_of_masked(resource: str) -> str:
    return f"Masked{resource}"


def _masked(schema: Json) -> Json:
    """The form of a resource that operators see."""
    shown = {name: value for name, value in schema["properties"].items() if name in SHOWN}
    hidden = {name: {"type": "string", "example": _EXAMPLES[name]} for name in MASKED if name in schema["properties"]}
    return {
        "type": "object",
        "description": "As operators see it, unless they reveal it.",
        "properties": {**shown, **hidden, "masked": _MARK},
        "required": [*(name for name in schema["required"] if name in shown or name in hidden), "masked"],
    }


def _masked_reference(resource: str) -> Json:
    return {"$ref": _SCHEMAS + _name_of_masked(resource)}


def _list_of(schema: Json, item: Json) -> Json:
    embedded = schema["properties"]["_embedded"]
    items = {"type": "array", "items": item}
    changed = {**embedded, "properties": dict.fromkeys(embedded["properties"], items)}
    return {**schema, "properties": {**schema["properties"], "_embedded": changed}}


def _for_operators(operation: Json, refusals: Json) -> Json:
    name = operation["operationId"]
    if name not in (*REVEALABLE, *CHANGES):
        return operation
    found = operation["responses"]["200"]
    content = {media: {"schema": _whole_or_masked(each["schema"])} for media, each in found["content"].items()}
    responses = {**operation["responses"], "200": {**found, "content": content}}
    if name in REVEALABLE:
        parameters = [*operation["parameters"], _REVEAL, _REASON]
        operation = {**operation, "parameters": parameters}
        responses |= refusals
    return {**operation, "responses": dict(sorted(responses.items()))}


def _whole_or_masked(schema: Json) -> Json:
    resource = schema["$ref"].removeprefix(_SCHEMAS)
    if resource not in _LISTS.values():
        return schema
    return {"anyOf": [schema, _masked_reference(resource)]}


def found(a_list: Json) -> Json:
    """The schema of what a search has found: a list without pages."""
    properties = {name: schema for name, schema in a_list["properties"].items() if name != "page"}
    return {**a_list, "properties": properties, "required": list(properties)}


def reading_messages(identity: Json, responses: Json) -> Json:
    """What KakaoTalk said about one customer. `identity`: the parameter that names the customer."""
    return {
        "operationId": "list-messages-of-customer",
        "summary": "List the KakaoTalk messages about one customer, the oldest first",
        "parameters": [identity],
        "responses": responses,
    }


def searching(request: Json, responses: Json) -> Json:
    """The search by phone number. `request`: the content of its body."""
    return {
        "operationId": "search-customers",
        "summary": f"Find customers by their phone number, the newest {MOST_FOUND} at most",
        "requestBody": {"required": True, "content": request},
        "responses": responses,
    }
