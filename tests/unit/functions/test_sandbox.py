"""GET and PUT /sandbox."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest

from functions import sandbox
from shared.settings import settings
from shared.wiring import kakao_app

CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent="00-00-00-00"))
)
HEALTHY = {
    "capacity": None,
    "latencyMedianSeconds": 0,
    "latencyP99Seconds": None,
    "failureRate": 0,
    "lostAnswerRate": 0,
    "outage": False,
}


@pytest.fixture(autouse=True)
def settings_of_kakao(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSAK8_SERVICES", "kakao")
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    for cached in (settings, kakao_app.kakao_provider):
        cached.cache_clear()
    yield
    for cached in (settings, kakao_app.kakao_provider):
        cached.cache_clear()


async def call(method: str, body: object = None) -> tuple[int, Any]:
    """Status and body of the response."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(sandbox.blueprint)
    name = {"GET": "get-sandbox", "PUT": "change-sandbox"}[method]
    [function] = [function for function in app.get_functions() if function.get_function_name() == name]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = func.HttpRequest(method, "http://localhost/sandbox", headers=headers, body=content)
    response = await function.get_user_function()(request, CONTEXT)
    return response.status_code, json.loads(response.get_body())


async def test_a_change_replaces_the_whole_behaviour() -> None:
    assert await call("GET") == (200, HEALTHY)

    slow = {"capacity": 50, "latencyMedianSeconds": 0.03, "latencyP99Seconds": 0.2}
    assert await call("PUT", slow) == await call("GET") == (200, {**HEALTHY, **slow})
    assert await call("PUT", {"outage": True}) == await call("GET") == (200, {**HEALTHY, "outage": True})
    assert await call("PUT", {}) == await call("GET") == (200, HEALTHY)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"capactiy": 50}, 422, "capactiy"),
        ({"capacity": "50"}, 422, "capacity"),
        ({"capacity": 0}, 422, "capacity"),
        ({"outage": 1}, 422, "outage"),
        ({"failureRate": 1.5}, 422, "failureRate"),
        ({"latencyMedianSeconds": 0.2, "latencyP99Seconds": 0.1}, 422, "(body)"),
        ([], 422, "(body)"),
        (b"{", 400, None),
    ],
)
async def test_what_is_not_a_behaviour_is_refused_and_changes_nothing(
    body: object, status: int, field: str | None
) -> None:
    refused, problem = await call("PUT", body)

    assert refused == status
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])
    assert await call("GET") == (200, HEALTHY)
