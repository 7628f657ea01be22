import azure.functions as func
import pytest
from pydantic import AnyHttpUrl

from shared.http.links import public_base_url


def base_url(configured: AnyHttpUrl | None = None, **headers: str) -> str:
    forwarded = {f"x-forwarded-{name}": value for name, value in headers.items()}
    request = func.HttpRequest("GET", "http://10.0.0.1:7071/customers?x=1", headers=forwarded, body=b"")
    return public_base_url(request, configured)


def test_without_a_gateway_links_lead_to_the_called_address() -> None:
    assert base_url() == "http://10.0.0.1:7071"


def test_links_lead_to_the_gateway() -> None:
    assert base_url(host="api.example.kr", proto="https", prefix="/v1/") == "https://api.example.kr/v1"


@pytest.mark.parametrize("host", ["my_gateway:8080", "api.example.kr", "[::1]:8080", "127.0.0.1:1", "xn--9d0bk3a.kr"])
def test_any_host_that_a_client_can_call_is_used(host: str) -> None:
    assert base_url(host=host) == f"http://{host}"


def test_the_outermost_of_several_gateways_counts() -> None:
    assert base_url(host="outer.example:8443, inner", proto="https,http") == "https://outer.example:8443"


@pytest.mark.parametrize("host", ["", "a b", "evil.example/path", "x\r\nSet-Cookie: y", "<script>", "a@b", "h:port"])
def test_anything_but_a_host_is_ignored(host: str) -> None:
    assert base_url(host=host) == "http://10.0.0.1:7071"


@pytest.mark.parametrize(("proto", "prefix"), [("javascript", ""), ("http", '"><x'), ("http", "//evil.example")])
def test_anything_but_a_scheme_or_prefix_is_ignored(proto: str, prefix: str) -> None:
    assert base_url(proto=proto, prefix=prefix) == "http://10.0.0.1:7071"


def test_a_configured_base_url_overrides_everything() -> None:
    assert base_url(AnyHttpUrl("https://ssak8.example/"), host="other.example") == "https://ssak8.example"
