import json
from pathlib import Path
from typing import Any

from openapi_spec_validator import validate

from shared.http.openapi import document

COMMITTED = Path(__file__).parents[3] / "infra/openapi.json"


def schema(name: str) -> Any:
    return document()["components"]["schemas"][name]


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


def test_resources_have_an_id_and_links_and_nothing_internal() -> None:
    for name in ("Customer", "Kakao", "CustomerView"):
        assert {"id", "_links"} <= set(schema(name)["required"])
        assert "requestFingerprint" not in schema(name)["properties"]


def test_clients_cannot_request_the_message_of_a_cancellation() -> None:
    assert schema("NewKakao")["properties"]["kind"]["enum"] == ["registered", "notice"]
