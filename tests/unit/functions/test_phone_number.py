"""Whether a customer needs a phone number: the provider says so, and every function agrees."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest

from functions import customer, kakao, openapi
from shared.adapters.kakao_providers import PROVIDERS
from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.settings import KakaoProviderName, settings
from shared.wiring import customer_app, stores

CONTEXT = cast(
    func.Context, SimpleNamespace(function_name="f", trace_context=SimpleNamespace(trace_parent="00-00-00-00"))
)
REQUESTS = [(customer, "register-customer", "NewCustomer"), (kakao, "send-kakao", "NewKakao")]


class SendsToPhones(SandboxProvider):
    needs_phone_number = True


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setenv("KAKAO_API_URL", "http://127.0.0.1:1")
    wired = (customer_app.kakao_client, customer_app.admit_registration, stores.database)
    caches: list[Any] = [settings, *wired, openapi._document]
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(Any, PROVIDERS), KakaoProviderName.SANDBOX, SendsToPhones)


async def call(module: Any, name: str, *arguments: object) -> Any:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.register_functions(module.blueprint)
    [function] = [each for each in app.get_functions() if each.get_function_name() == name]
    response = await function.get_user_function()(*arguments)
    return json.loads(response.get_body())


async def refused_fields(module: Any, name: str) -> list[str]:
    """The fields that are refused in an empty object."""
    request = func.HttpRequest("POST", "http://localhost/", headers={"content-type": "application/json"}, body=b"{}")
    return [error["field"] for error in (await call(module, name, request, CONTEXT))["errors"]]


async def required_fields(model: str) -> list[str]:
    """The fields that `/openapi.json` describes as required."""
    document = await call(openapi, "openapi", func.HttpRequest("GET", "http://localhost/", body=b""))
    required: list[str] = document["components"]["schemas"][model]["required"]
    return required


@pytest.mark.parametrize(("module", "name", "model"), REQUESTS)
async def test_a_provider_that_needs_a_number_makes_it_required(
    needed: None, module: Any, name: str, model: str
) -> None:
    assert "customerPhone" in await refused_fields(module, name)
    assert "customerPhone" in await required_fields(model)


@pytest.mark.parametrize(
    ("name", "method", "body"),
    [
        ("replace-customer", "PUT", b'{"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}'),
        ("patch-customer", "PATCH", b'{"customerPhone": null}'),
    ],
)
async def test_a_provider_that_needs_a_number_lets_nobody_remove_it(
    needed: None, name: str, method: str, body: bytes
) -> None:
    request = func.HttpRequest(
        method, "http://localhost/", headers={"content-type": "application/json"}, route_params={"id": "1"}, body=body
    )

    refused = await call(customer, name, request, CONTEXT)

    assert [error["field"] for error in refused["errors"]] == ["customerPhone"]


@pytest.mark.parametrize(("module", "name", "model"), REQUESTS)
async def test_with_the_sandbox_the_number_is_optional(module: Any, name: str, model: str) -> None:
    assert "customerPhone" not in await refused_fields(module, name)
    assert "customerPhone" not in await required_fields(model)
