"""HTTP requests to and responses of functions."""

from http.cookies import SimpleCookie
from typing import Any

import pytest

from local_azure.functions_host.datums import Datum, raw, text
from local_azure.functions_host.http.cors import Cors
from local_azure.functions_host.http.requests import EMPTY_BODY, Refused, headers_of, path_of, request_datum
from local_azure.functions_host.http.responses import InvalidResponse, from_datum
from local_azure.functions_host.trace_context import continue_trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def scope(path: str = "/", query: str = "", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    return {
        "method": "GET",
        "http_version": "1.1",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"h"), *(headers or [])],
    }


def response_datum(headers: dict[str, str], cookies: list[SimpleCookie] | None = None, status: str = "200") -> Datum:
    value = {
        "status_code": text(status),
        "headers": {name: text(header) for name, header in headers.items()},
        "cookies": cookies,
        "body": raw(b"x"),
    }
    return Datum(value, "http")


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/", ""),
        ("/a/b", "a/b"),
        ("/%EA%B9%80/b%20c", "김/b c"),
        ("/a%2Fb", "a%2Fb"),
        ("/a%2fb", "a%2Fb"),
        ("/a/../b/./c", "b/c"),
        ("/../../a", "a"),
        ("/a/..", ""),
    ],
)
def test_a_path_is_decoded_as_in_kestrel(sent: str, path: str) -> None:
    assert path_of(scope(sent)) == path


def test_repeated_headers_and_query_values_are_joined() -> None:
    request = scope("/x", "a=1&b=&a=2%2C3", [(b"accept", b"a"), (b"accept", b"b")])
    headers = headers_of(request)

    datum = request_datum(request, headers, {"id": "7"}, EMPTY_BODY).value

    assert headers == {"host": "h", "accept": "a,b"}
    assert {name: value.value for name, value in datum["query"].items()} == {"a": "1,2,3", "b": ""}
    assert datum["url"].value == "http://h/x?a=1&b=&a=2%2C3"
    assert datum["params"]["id"].value == "7"


@pytest.mark.parametrize(
    ("request_scope", "status"),
    [
        (scope("/" + "a" * 8192), 414),
        (scope("/", "a" * 8192), 414),
        (scope(headers=[(b"x", b"a" * 32768)]), 431),
        (scope(headers=[(b"x", b"a")] * 101), 431),
    ],
)
def test_requests_beyond_kestrels_limits_are_refused(request_scope: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as refused:
        headers_of(request_scope)

    assert refused.value.status == status


def test_framing_headers_of_a_function_are_ignored() -> None:
    response = from_datum(response_datum({"Content-Length": "99", "Transfer-Encoding": "chunked", "ETag": '"1"'}))

    assert response.headers == [(b"etag", b'"1"')]


def test_cookies_are_formatted_as_in_asp_net() -> None:
    cookie = SimpleCookie("a=b/c; Secure; HttpOnly; SameSite=Lax; Max-Age=5")

    response = from_datum(response_datum({}, [cookie]))

    assert response.headers == [(b"set-cookie", b"a=b%2Fc; max-age=5; path=/; secure; samesite=lax; httponly")]


@pytest.mark.parametrize("datum", [response_datum({"x-name": "김"}), response_datum({}, status="99")])
def test_a_response_that_cannot_be_sent_over_http_is_refused(datum: Datum) -> None:
    with pytest.raises(InvalidResponse):
        from_datum(datum)


def test_an_origin_that_is_not_listed_gets_no_headers() -> None:
    cors = Cors("https://a.example,https://b.example")

    assert cors.headers({"origin": "https://c.example"}) == []
    assert (b"access-control-allow-origin", b"https://a.example") in cors.headers({"origin": "https://a.example"})


def test_a_preflight_is_answered_only_if_cors_is_configured() -> None:
    request = {"origin": "https://a.example", "access-control-request-method": "PUT"}

    assert Cors("").preflight("OPTIONS", request) is None
    answer = Cors("*").preflight("OPTIONS", request)
    assert answer is not None
    assert (b"access-control-allow-methods", b"PUT") in answer.headers
    assert Cors("*").preflight("GET", request) is None


@pytest.mark.parametrize("sent", [None, "", "nonsense", PARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_an_invalid_trace_is_replaced(sent: str | None) -> None:
    trace = continue_trace(sent, "a=b")

    assert trace.parent != sent
    assert continue_trace(trace.parent).parent == trace.parent
    assert trace.state == ""


def test_a_valid_trace_is_continued() -> None:
    trace = continue_trace(PARENT, "a=b")

    assert (trace.parent, trace.state) == (PARENT, "a=b")
