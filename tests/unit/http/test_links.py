from collections.abc import Iterator

import azure.functions as func
import pytest

from shared.http.links import public_base_url
from shared.settings import settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("COSMOS_CONNECTION", "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    monkeypatch.setenv("KAKAO_API_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("PUBLIC_BASE_URL", raising=False)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def base_url(**headers: str) -> str:
    named = {f"x-forwarded-{name}": value for name, value in headers.items()}
    return public_base_url(func.HttpRequest("GET", "http://10.0.0.1:7071/customers?x=1", headers=named, body=b""))


def test_without_a_gateway_links_lead_to_the_address_that_was_called() -> None:
    assert base_url() == "http://10.0.0.1:7071"


def test_links_lead_to_the_gateway() -> None:
    assert base_url(host="api.example.kr", proto="https", prefix="/v1/") == "https://api.example.kr/v1"


def test_the_outermost_of_several_gateways_counts() -> None:
    assert base_url(host="outer.example:8443, inner", proto="https,http") == "https://outer.example:8443"


@pytest.mark.parametrize("host", ["", "a b", "evil.example/path", "x\r\nSet-Cookie: y", "<script>", "a@b", "h:port"])
def test_what_is_no_host_is_not_believed(host: str) -> None:
    assert base_url(host=host) == "http://10.0.0.1:7071"


@pytest.mark.parametrize(("proto", "prefix"), [("javascript", ""), ("http", '"><x'), ("http", "//evil.example")])
def test_what_is_no_scheme_or_prefix_is_not_believed(proto: str, prefix: str) -> None:
    assert base_url(proto=proto, prefix=prefix) == "http://10.0.0.1:7071"


def test_a_set_base_url_goes_before_all(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUBLIC_BASE_URL", "https://ssak8.example/")
    settings.cache_clear()

    assert base_url(host="other.example") == "https://ssak8.example"
