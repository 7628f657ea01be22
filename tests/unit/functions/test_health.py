import json
from pathlib import Path
from typing import Any, cast

import azure.functions as func
import pytest

from functions import health
from shared.settings import settings
from shared.version import package_version


async def test_health_tells_the_service_and_the_version_that_was_read_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSAK8_SERVICES", "kakao")
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setattr(health, "VERSION", "0123456789abcdef")
    settings.cache_clear()
    request = func.HttpRequest("GET", "/health", body=b"")

    answer = await cast(Any, health.health)._function.get_user_function()(request)

    settings.cache_clear()
    assert json.loads(answer.get_body()) == {
        "status": "UP",
        "services": ["kakao"],
        "version": "0123456789abcdef",
        "access": "open",
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_checkout_is_in_development() -> None:
    assert health.VERSION == "development"


def test_the_version_is_what_lies_beside_the_functions(tmp_path: Path) -> None:
    (tmp_path / "package-version").write_text("0123456789abcdef")

    assert package_version(tmp_path) == "0123456789abcdef"
