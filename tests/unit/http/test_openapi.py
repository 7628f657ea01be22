import json
import re
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.functions.decorators.http import HttpTrigger
from openapi_spec_validator import validate

from functions import customer, customer_view, kakao, openapi, registration
from shared.domain.phone_number import with_hyphens
from shared.http.openapi import document

COMMITTED = Path(__file__).parents[3] / "infra/openapi.json"


def schema(name: str) -> Any:
    return document()["components"]["schemas"][name]


def methods_and_paths_of_the_functions() -> set[tuple[str, str]]:
    """Without /health and the receipts, which the gateway does not pass on."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for module in (customer, registration, customer_view, kakao, openapi):
        app.register_functions(module.blueprint)
    triggers = [function.get_trigger() for function in app.get_functions()]
    return {
        (str(method), f"/{trigger.route}")
        for trigger in triggers
        if isinstance(trigger, HttpTrigger) and not str(trigger.route).startswith("receipts/")
        for method in trigger.methods or ()
    }


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_committed_document_is_the_generated_one() -> None:
    message = "run: .venv/bin/python -m shared.http.openapi > infra/openapi.json"

    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == document(), message


def test_limits_are_those_of_the_models() -> None:
    properties = schema("NewCustomer")["properties"]

    assert properties["customerName"] == {"type": "string", "minLength": 1, "maxLength": 100}
    assert properties["customerAddress"] == {"type": "string", "minLength": 1, "maxLength": 200}
    assert properties["customerAge"] == {"type": "integer", "minimum": 0, "maximum": 150}


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
        assert "requestFingerprint" not in schema(name)["properties"]


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
