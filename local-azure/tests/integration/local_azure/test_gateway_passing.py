"""What the gateway forwards to an upstream, and returns to the client."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.integration.local_azure.servers import SETTINGS, gateway_to

COMPRESSED = gzip.compress(b"content")


async def _echo(request: web.Request) -> web.Response:
    headers = [[name.lower(), value] for name, value in request.headers.items()]
    body = (await request.read()).decode("latin-1")
    return web.json_response({"method": request.method, "target": request.raw_path, "headers": headers, "body": body})


async def _cookies(_: web.Request) -> web.Response:
    response = web.Response(headers={"Keep-Alive": "timeout=5"})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def _compressed(_: web.Request) -> web.Response:
    return web.Response(body=COMPRESSED, headers={"Content-Encoding": "gzip"})


async def _redirect(_: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": "/customers/elsewhere"})


async def _streamed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"one ")
    await response.write(b"two")
    return response


async def _sized(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 1234)


async def _empty(_: web.Request) -> web.Response:
    return web.Response(status=204)


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/customers/cookies", _cookies)
    app.router.add_get("/customers/compressed", _compressed)
    app.router.add_get("/customers/redirect", _redirect)
    app.router.add_get("/customers/streamed", _streamed)
    app.router.add_get("/customers/sized", _sized)
    app.router.add_get("/customers/empty", _empty)
    app.router.add_route("*", "/customers{rest:.*}", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def gateway(upstream: str) -> AsyncIterator[str]:
    async with gateway_to(upstream) as address:
        yield address


async def echoed(client: aiohttp.ClientSession, method: str, url: str, **arguments: Any) -> dict[str, Any]:
    async with client.request(method, URL(url, encoded=True), **arguments) as response:
        assert response.status == 200
        document: dict[str, Any] = json.loads(await response.read())
        return document


async def test_an_exact_path_becomes_another_one(client: aiohttp.ClientSession, upstream: str) -> None:
    settings = SETTINGS.model_copy(update={"rewrites": {"/": "/customers/start", "/first": "/customers/1"}})
    async with gateway_to(upstream, settings, route="/") as gateway:
        targets = [
            (await echoed(client, "GET", gateway + sent))["target"]
            for sent in ("/", "/?a=1&a=/", "/first?b", "/customers/first")
        ]
        for sent in ("/first/", "/First", "/other"):
            async with client.get(f"{gateway}{sent}") as response:
                assert response.status == 404

    assert targets == ["/customers/start", "/customers/start?a=1&a=/", "/customers/1?b", "/customers/first"]


async def test_path_and_query_arrive_as_sent(client: aiohttp.ClientSession, gateway: str) -> None:
    target = "/customers/%2Fa%20%ED%95%9C;v=1?x=%20y&x=2&empty=&plus=a+b"

    document = await echoed(client, "GET", gateway + target)

    assert document["target"] == target


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_passes_with_its_body(client: aiohttp.ClientSession, gateway: str, method: str) -> None:
    document = await echoed(client, method, f"{gateway}/customers", data=b"\x00\xffbody")

    assert document["method"] == method
    assert document["body"] == "\x00\xffbody"


async def test_a_chunked_body_arrives_complete_with_its_length(client: aiohttp.ClientSession, gateway: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    document = await echoed(client, "POST", f"{gateway}/customers", data=chunks())

    assert document["body"] == "one two"
    assert ["content-length", "7"] in document["headers"]
    assert "transfer-encoding" not in dict(document["headers"])


async def test_a_post_without_a_body_has_length_zero(client: aiohttp.ClientSession, gateway: str) -> None:
    document = await echoed(client, "POST", f"{gateway}/customers")

    assert ["content-length", "0"] in document["headers"]


async def test_the_upstream_learns_where_the_client_called(client: aiohttp.ClientSession, gateway: str) -> None:
    forged = {"Host": "api.example:99", "X-Forwarded-Host": "evil", "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=1"}

    document = await echoed(client, "GET", f"{gateway}/customers", headers=forged)

    headers = dict(document["headers"])
    assert headers["x-forwarded-host"] == "api.example:99"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["host"].startswith("127.0.0.1:")
    assert "forwarded" not in headers


async def test_nothing_is_added_that_the_client_did_not_send(client: aiohttp.ClientSession, gateway: str) -> None:
    skipped = ("User-Agent", "Accept", "Accept-Encoding")

    document = await echoed(client, "GET", f"{gateway}/customers", skip_auto_headers=skipped)

    names = {name for name, _ in document["headers"]}
    assert names == {"host", "traceparent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


async def test_a_header_arrives_under_its_other_name_and_never_from_the_client(
    client: aiohttp.ClientSession, upstream: str
) -> None:
    renaming = SETTINGS.model_copy(update={"renamed_headers": {"Authorization": "Shop-Authorization"}})
    # A client of aiohttp would send only the last of each.
    request = (
        b"GET /customers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"AUTHORIZATION: Bearer a\r\nshop-authorization: Bearer forged\r\n"
        b"Authorization: Bearer b\r\nSHOP-AUTHORIZATION: Bearer forged\r\n\r\n"
    )

    async with gateway_to(upstream, renaming) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(gateway).port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        forged = await echoed(client, "GET", f"{gateway}/customers", headers={"Shop-Authorization": "Bearer forged"})

    headers = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    assert [header for header in headers if "authorization" in header[0]] == [
        ["shop-authorization", "Bearer a,Bearer b"]
    ]
    assert "forged" not in str(forged["headers"])


async def test_a_trace_continues_and_a_missing_one_starts(client: aiohttp.ClientSession, gateway: str) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    continued = await echoed(client, "GET", f"{gateway}/customers", headers={"traceparent": trace})
    first = await echoed(client, "GET", f"{gateway}/customers")
    second = await echoed(client, "GET", f"{gateway}/customers")

    assert dict(continued["headers"])["traceparent"] == trace
    assert dict(first["headers"])["traceparent"] != dict(second["headers"])["traceparent"]


async def test_cookies_are_returned_one_by_one_and_not_kept(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.get(f"{gateway}/customers/cookies") as response:
        cookies = response.headers.getall("Set-Cookie")
        keep_alive = response.headers.get("Keep-Alive")
    client.cookie_jar.clear()
    later = await echoed(client, "GET", f"{gateway}/customers")

    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]
    assert keep_alive is None
    assert "cookie" not in dict(later["headers"])


async def test_a_compressed_body_is_returned_unchanged(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.get(f"{gateway}/customers/compressed") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.read() == COMPRESSED


async def test_a_redirect_is_for_the_client_to_follow(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.get(f"{gateway}/customers/redirect", allow_redirects=False) as response:
        assert response.status == 307
        assert response.headers["Location"] == "/customers/elsewhere"


async def test_a_chunked_response_is_returned_with_its_length(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.get(f"{gateway}/customers/streamed") as response:
        assert await response.read() == b"one two"
        assert response.headers["Content-Length"] == "7"


async def test_head_returns_the_length_that_get_would_have(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.head(f"{gateway}/customers/sized") as response:
        assert response.headers["Content-Length"] == "1234"
        assert await response.read() == b""


async def test_a_response_without_content_stays_without(client: aiohttp.ClientSession, gateway: str) -> None:
    async with client.get(f"{gateway}/customers/empty") as response:
        assert response.status == 204
        assert "Content-Length" not in response.headers
        assert response.headers.getall("Date") != []
        assert len(response.headers.getall("Date")) == 1
