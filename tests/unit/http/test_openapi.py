import json
import re
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.http import HttpTrigger
from openapi_spec_validator import validate

from functions import customer, customer_view, kakao, me, openapi, privacy, registration
from shared.domain.access_record import Reason
from shared.domain.phone_number import with_hyphens
from shared.http.openapi import document
from shared.http.openapi_operators import CHANGES, REVEALABLE
from shared.http.operators import MASKED, masked

COMMITTED = Path(__file__).parents[3] / "infra/openapi.json"


def schema(name: str) -> Any:
    return document()["components"]["schemas"][name]


def methods_and_paths_of_the_functions() -> set[tuple[str, str]]:
    """Without /health and the receipts, which the gateway does not pass on."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for module in (customer, registration, customer_view, me, kakao, openapi, privacy):
        app.register_functions(module.blueprint)
    triggers = [function.get_trigger() for function in app.get_functions()]
    return {
        (str(method), f"/{trigger.route}")
        for trigger in triggers
        if isinstance(trigger, HttpTrigger) and not str(trigger.route).startswith("receipts/")
        for method in trigger.methods or ()
    }


@pytest.mark.parametrize(("is_open", "callers_are_known"), [(True, False), (True, True), (False, True)])
def test_the_document_is_valid_openapi(*, is_open: bool, callers_are_known: bool) -> None:
    validate(document(is_open=is_open, callers_are_known=callers_are_known))


def test_the_committed_document_is_the_generated_one() -> None:
    message = "run: .venv/bin/python -m shared.http.openapi > infra/openapi.json"

    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == document(), message


def test_limits_are_those_of_the_models() -> None:
    properties = schema("NewCustomer")["properties"]

    assert properties["customerName"] == {"type": "string", "minLength": 1, "maxLength": 100}
    assert properties["customerAddress"] == {"type": "string", "minLength": 1, "maxLength": 200}
    age = {key: value for key, value in properties["customerAge"].items() if key != "description"}
    assert age == {"type": "integer", "minimum": 14, "maximum": 150}


@pytest.mark.parametrize("name", ["NewCustomer", "NewRegistration", "NewKakao", "CustomerPatch"])
def test_it_says_who_is_too_young_and_that_those_who_are_stored_may_be_younger(name: str) -> None:
    for minimum_age in (0, 20):
        schemas = document(minimum_age=minimum_age)["components"]["schemas"]

        assert schemas[name]["properties"]["customerAge"]["minimum"] == minimum_age
        assert "urn:ssak8:problem:too-young" in schemas[name]["properties"]["customerAge"]["description"]
        assert "minimum" not in schemas["Customer"]["properties"]["customerAge"]


def test_who_registers_consents_where_customers_sign_in_and_no_correction_does() -> None:
    def body(interface: dict[str, Any], method: str, path: str) -> dict[str, Any]:
        reference = interface["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        found: dict[str, Any] = interface["components"]["schemas"][reference.rpartition("/")[2]]
        return found

    for method, path, is_open in (
        ("put", "/customers/{id}", False),
        ("patch", "/customers/{id}", False),
        ("post", "/customers", True),
    ):
        assert "consent" not in body(document(is_open=is_open), method, path)["properties"]
    assert "consent" in body(document(), "post", "/customers")["required"]
    assert schema("ConsentInput")["required"] == ["policyVersion", "items"]


def test_a_phone_number_is_written_in_any_way_and_answered_with_hyphens() -> None:
    written = schema("NewCustomer")["properties"]["customerPhone"]
    shown = [schema(name)["properties"]["customerPhone"] for name in ("Customer", "Kakao", "CustomerView")]

    assert (written["type"], written["nullable"], "pattern" in written) == ("string", True, False)
    assert {each["pattern"] for each in shown} == {"^010-[0-9]{4}-[0-9]{4}$"}
    assert all(re.fullmatch(each["pattern"], with_hyphens("01023456789")) for each in shown)
    assert not any("customerPhone" in schema(name)["required"] for name in ("Customer", "Kakao", "CustomerView"))


def test_a_patch_requires_nothing_and_only_what_is_optional_can_be_removed() -> None:
    patch, new = schema("CustomerPatch"), schema("NewCustomer")

    assert "required" not in patch
    assert patch["properties"].keys() == new["properties"].keys()
    assert [name for name, field in patch["properties"].items() if field.get("nullable")] == ["customerPhone"]
    assert not any("default" in field for field in patch["properties"].values())
    assert patch["properties"]["customerAge"] == new["properties"]["customerAge"]


def test_resources_have_an_id_and_links_and_nothing_internal() -> None:
    for name in ("Customer", "Kakao", "CustomerView"):
        assert {"id", "_links"} <= set(schema(name)["required"])
        assert {"requestFingerprint", "owner"}.isdisjoint(schema(name)["properties"])
        assert "owner" not in schema(name)["description"]


def test_clients_cannot_request_the_message_of_a_cancellation() -> None:
    assert schema("NewKakao")["properties"]["kind"]["enum"] == ["registered", "notice"]


def test_every_path_with_get_has_head_and_no_operation_has_the_name_of_another() -> None:
    paths = document()["paths"].values()

    assert all("head" in operations for operations in paths if "get" in operations)
    names = [operation["operationId"] for operations in paths for operation in operations.values()]
    assert len(names) == len(set(names))


def test_the_description_lists_every_route_and_method_of_the_functions() -> None:
    described = {(method.upper(), path) for path, operations in document()["paths"].items() for method in operations}

    assert described == methods_and_paths_of_the_functions()


def test_every_operation_says_who_may_call_it_and_what_others_are_answered() -> None:
    operations = [operation for path in document()["paths"].values() for operation in path.values()]

    assert document()["components"]["securitySchemes"].keys() == {"customer", "operator", "customerApp"}
    for operation in operations:
        refused = {"401", "403"} & operation["responses"].keys()
        assert refused == ({"401", "403"} if operation["security"] else set()), operation["operationId"]


def test_where_everybody_may_call_the_document_knows_nothing_of_callers() -> None:
    open_document = document(is_open=True)

    assert open_document["security"] == []
    assert "securitySchemes" not in open_document["components"]
    operations = [operation for path in open_document["paths"].values() for operation in path.values()]
    assert not any(
        "security" in operation or {"401", "403"} & operation["responses"].keys() for operation in operations
    )
    messages = "/customerViews/{id}/messages"
    only_where_customers_sign_in = {"/me/registration", "/me/data", "/customers/search", messages}
    assert document()["paths"].keys() - open_document["paths"].keys() == only_where_customers_sign_in


def test_where_everybody_may_call_and_may_be_known_a_token_is_optional() -> None:
    described = document(is_open=True, callers_are_known=True)
    operations = {each["operationId"]: each for path in described["paths"].values() for each in path.values()}

    assert operations["get-customer"]["security"] == [{}, {"customer": []}, {"operator": []}]
    assert operations["send-kakao"]["security"] == []
    assert not {"401", "403"} & operations["send-kakao"]["responses"].keys()
    for only_known in ("get-own-registration", "get-own-data", "search-customers"):
        assert {} not in operations[only_known]["security"]
        assert {"401", "403", "404"} <= operations[only_known]["responses"].keys()
    registration = described["components"]["schemas"]["NewRegistration"]
    assert "consent" in registration["properties"]
    assert "consent" not in registration["required"]
    lists = described["components"]["schemas"]["CustomerList"]["properties"]["_embedded"]["properties"]["customers"]
    assert [each["$ref"].rpartition("/")[2] for each in lists["items"]["anyOf"]] == ["Customer", "MaskedCustomer"]


def test_operators_see_masked_resources_in_the_form_that_is_described() -> None:
    whole = {
        "id": "0189ee3e-0000-7000-8000-000000000000",
        "customerName": "홍길동",
        "customerPhone": "010-1234-5678",
        "customerAddress": "인천광역시 남동구 구월동 12-3",
        "customerAge": 27,
        "version": 1,
        "registeredAt": "2026-01-02T03:04:05.678Z",
        "_links": {"self": {"href": "http://localhost/customers/1"}},
    }
    described = schema("MaskedCustomer")

    seen = masked(whole)

    assert set(described["required"]) <= seen.keys() <= described["properties"].keys()
    assert {name: field["example"] for name, field in described["properties"].items() if name in MASKED} == {
        name: seen[name] for name in MASKED
    }
    assert not {"text", "consent", "owner"} & schema("MaskedKakao")["properties"].keys()


def test_a_reason_is_one_of_those_that_are_described() -> None:
    parameters = document()["paths"]["/kakaos/{id}"]["get"]["parameters"]

    assert [each["schema"]["enum"] for each in parameters if each["name"] == "reason"] == [list(Reason)]


def test_what_operators_may_reveal_is_what_they_read_by_its_id() -> None:
    operations = {each["operationId"]: each for path in document()["paths"].values() for each in path.values()}
    by_id = {
        name
        for name, operation in operations.items()
        if {"operator": []} in operation["security"] and name.startswith("get-") and not name.endswith("-head")
    }

    assert by_id == set(REVEALABLE)
    for name in (*REVEALABLE, *CHANGES):
        assert "400" in operations[name]["responses"]


def test_where_everybody_may_call_nothing_is_masked() -> None:
    assert "asked" not in json.dumps(document(is_open=True))
    assert "reveal" not in json.dumps(document(is_open=True))
