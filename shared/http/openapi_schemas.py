"""The schemas of the OpenAPI document, generated from the models of requests and responses."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.domain.customer import Customer, CustomerInput, RegistrationInput, with_phone_number
from shared.domain.customer_patch import patch_of
from shared.domain.customer_view import CustomerView
from shared.domain.kakao_message import KakaoMessage, KakaoMessageDraft
from shared.domain.registration import RegistrationStatus
from shared.http.openapi_operators import found
from shared.http.openapi_own import own_data, own_registration
from shared.http.openapi_parts import SCHEMAS, Json
from shared.http.openapi_policies import from_age
from shared.use_cases.searching import CustomerSearch

HIDDEN_PROPERTIES: Final = ("requestFingerprint", "owner")
# Requests may write it in other ways: hal.properties_of.
SHOWN_PHONE_NUMBER: Final[Json] = {"type": "string", "pattern": "^010-[0-9]{4}-[0-9]{4}$", "example": "010-1234-5678"}
SHOWN_CONSENT: Final[Json] = {
    "allOf": [{"$ref": SCHEMAS.format(model="Consent")}],
    "description": "Shown to the customer only.",
}


def schemas_of(phone_number_needed: bool, minimum_age: int) -> Json:
    """Every schema by its name. `minimum_age`: younger people are not registered."""
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
