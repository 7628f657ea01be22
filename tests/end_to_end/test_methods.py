"""Every path with every method, through the gateway and at each app's own port."""

import json

import pytest

from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.system import Response

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SOME_ID = "0189ee3e-0000-7000-8000-000000000000"
GATEWAY = "gateway"
KNOWN_PATHS = [
    ("customer", "/customers", "GET, HEAD, OPTIONS, POST"),
    ("customer", f"/customers/{SOME_ID}", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("kakao", "/kakaos", "GET, HEAD, OPTIONS, POST"),
    ("kakao", f"/kakaos/{SOME_ID}.registered", "GET, HEAD, OPTIONS"),
    ("customerview", "/customerViews", "GET, HEAD, OPTIONS"),
    ("customerview", f"/customerViews/{SOME_ID}", "GET, HEAD, OPTIONS"),
    ("customer", "/openapi.json", "GET, HEAD, OPTIONS"),
]
OF_EACH_APP = [(app, path) for app in COLLECTIONS for path in ("/health", "/openapi.json")]
KNOWN = (
    [(GATEWAY, path, allowed) for _, path, allowed in KNOWN_PATHS]
    + KNOWN_PATHS[:-1]
    + [(app, path, "GET, HEAD, OPTIONS") for app, path in OF_EACH_APP]
)
UNKNOWN = [
    *((GATEWAY, path) for path in ("/nonsense", "/customersX", "/health", "/customers/a/b", "/kakaos/a/b")),
    *((app, path) for app in COLLECTIONS for path in ("/nonsense", "/a/b/c", "/%EC%8B%B9")),
    ("customer", "/kakaos"),
    ("kakao", "/customers"),
    ("customerview", f"/customers/{SOME_ID}"),
]
# Set anew with each response.
CHANGING_HEADERS = {"date"}


def refused(response: Response, status: int, path: str, *, without_body: bool = False) -> bool:
    """Whether this is a problem document (RFC 9457) with this status; a HEAD has only its headers."""
    assert (response.status, response.headers["Content-Type"]) == (status, "application/problem+json"), response
    if without_body:
        assert (response.text, int(response.headers["Content-Length"]) > 0) == ("", True)
        return True
    assert (response.body["status"], response.body["instance"], len(response.body["traceId"])) == (status, path, 32)
    return True


@pytest.mark.parametrize(("service", "path", "allowed"), KNOWN)
async def test_a_method_that_a_path_does_not_have_is_405_and_says_which_it_has(
    system: LocalSystem, service: str, path: str, allowed: str
) -> None:
    for method in METHODS:
        response = await system.call(method, path, service=service)
        if method == "OPTIONS":
            assert (response.status, response.headers["Allow"], response.text) == (204, allowed, "")
        elif method in allowed.split(", "):
            assert response.status in (200, 404, 415), method
            assert "Allow" not in response.headers
        else:
            assert refused(response, 405, path)
            assert response.headers["Allow"] == allowed


@pytest.mark.parametrize(("service", "path"), UNKNOWN)
async def test_a_path_that_does_not_exist_is_404_with_every_method(
    system: LocalSystem, service: str, path: str
) -> None:
    for method in METHODS:
        response = await system.call(method, path, service=service)
        assert refused(response, 404, path, without_body=method == "HEAD")
        assert "Allow" not in response.headers


@pytest.mark.parametrize(("service", "path", "_"), KNOWN)
async def test_head_answers_with_the_headers_of_get_and_no_body(
    system: LocalSystem, service: str, path: str, _: str
) -> None:
    if path.endswith(SOME_ID) or "." in path.removesuffix(".json"):
        customer_id = await system.register()
        await system.wait_for_view(customer_id, "REGISTERED")
        path = path.replace(SOME_ID, customer_id)

    get, head = [await system.call(method, path, service=service) for method in ("GET", "HEAD")]

    assert (get.status, head.status, head.text) == (200, 200, "")
    assert len(get.text.encode()) == int(head.headers["Content-Length"]) > 0
    expected, received = [
        {name.lower(): value for name, value in response.headers.items() if name.lower() not in CHANGING_HEADERS}
        for response in (get, head)
    ]
    assert received == expected


async def test_head_of_what_does_not_exist_is_404_and_a_connection_stays_usable(system: LocalSystem) -> None:
    for service in (GATEWAY, "customer"):
        first = await system.call("HEAD", f"/customers/{SOME_ID}", service=service)
        second = await system.call("GET", f"/customers/{SOME_ID}", service=service)
        assert refused(first, 404, f"/customers/{SOME_ID}", without_body=True)
        assert refused(second, 404, f"/customers/{SOME_ID}")


async def test_the_index_of_the_gateway_has_get_head_and_options(system: LocalSystem) -> None:
    index = await system.call("GET", "/")
    head = await system.call("HEAD", "/")
    options = await system.call("OPTIONS", "/")
    posted = await system.call("POST", "/")

    assert "/customers" in json.loads(index.text)["routes"]
    assert (head.status, head.text, head.headers["Content-Length"]) == (200, "", index.headers["Content-Length"])
    assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert refused(posted, 405, "/")
    assert posted.headers["Allow"] == "GET, HEAD, OPTIONS"
