"""The other apps over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web as server
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from web.adapters.apps_client import AppsClient, Credential
from web.ports import AppsUnavailable, Calling

CALLING = Calling("customers-token", "203.0.113.7")

type Handler = Callable[[server.BaseRequest], Awaitable[server.StreamResponse]]


class Identity:
    """`failure`: what it raises instead."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    async def get_token(self, *scopes: str) -> AccessToken:
        if self._failure:
            raise self._failure
        return AccessToken(f"identity for {scopes[0]}", 0)


@asynccontextmanager
async def app(
    handler: Handler, credential: Credential | None = None, timeout_seconds: float = 5
) -> AsyncIterator[AppsClient]:
    """A client of an app that answers everything with this handler."""
    served = server.Server(handler)
    runner = server.ServerRunner(served)
    await runner.setup()
    site = server.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    scope = "api://ssak8/.default" if credential else None
    client = AppsClient({"customers": base, "me": base}, timeout_seconds, credential, scope)
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


async def echo(request: server.BaseRequest) -> server.StreamResponse:
    """What was asked."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = {"method": request.method, "path": request.path_qs, "headers": headers, "body": await request.text()}
    return server.json_response(body)


async def test_an_app_hears_who_calls_and_from_where() -> None:
    async with app(echo) as client:
        answered = await client.get(CALLING, "/me/registration")

    headers = answered.body["headers"]
    assert (answered.body["method"], answered.body["path"]) == ("GET", "/me/registration")
    assert headers["ssak8-authorization"] == "Bearer customers-token"
    assert headers["x-forwarded-for"] == "203.0.113.7"
    assert "authorization" not in headers
    assert "cookie" not in headers


async def test_on_azure_an_app_hears_which_app_calls_too() -> None:
    async with app(echo, Identity()) as client:
        answered = await client.get(CALLING, "/me/registration")

    assert answered.body["headers"]["authorization"] == "Bearer identity for api://ssak8/.default"


async def test_a_body_is_sent_as_json_with_the_headers_of_the_call() -> None:
    async with app(echo) as client:
        answered = await client.send(
            CALLING, "POST", "/customers", {"customerName": "김연"}, {"Idempotency-Key": "one"}
        )

    assert json.loads(answered.body["body"]) == {"customerName": "김연"}
    assert answered.body["headers"]["content-type"] == "application/json"
    assert answered.body["headers"]["idempotency-key"] == "one"


async def test_headers_are_found_however_they_are_written() -> None:
    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        return server.Response(status=503, headers={"etag": '"7"', "retry-after": "3"})

    async with app(handler) as client:
        answered = await client.get(CALLING, "/customers/1")

    assert (answered.headers["ETag"], answered.retry_after) == ('"7"', 3.0)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000])
async def test_whatever_is_no_json_object_is_an_empty_one(content: bytes) -> None:
    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        return server.Response(status=502, body=content)

    async with app(handler) as client:
        answered = await client.get(CALLING, "/customers/1")

    assert (answered.status, answered.body, answered.problem, answered.wrong_fields) == (502, {}, "", [])


async def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else() -> None:
    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        return server.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})

    async with app(handler) as client:
        assert (await client.get(CALLING, "/me/data")).status == 302


async def test_a_download_comes_as_it_was_sent() -> None:
    content = b'{\n  "owner": "kakao:1"\n}\n'

    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        return server.Response(body=content)

    async with app(handler) as client:
        assert (await client.download(CALLING, "/me/data"))[1] == content


async def test_an_answer_that_comes_in_parts_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [b"x" * 100_000] * 5

    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        response = server.StreamResponse()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
            await asyncio.sleep(0.01)
        return response

    async with app(handler) as client:
        assert len((await client.download(CALLING, "/me/data"))[1]) == 500_000
        monkeypatch.setattr("web.adapters.apps_client.LONGEST", 499_999)
        with pytest.raises(AppsUnavailable, match="too long"):
            await client.download(CALLING, "/me/data")


async def test_an_app_that_does_not_answer_in_time_is_unavailable() -> None:
    never = asyncio.Event()

    async def handler(request: server.BaseRequest) -> server.StreamResponse:
        await never.wait()
        return server.Response()

    async with app(handler, timeout_seconds=0.05) as client:
        with pytest.raises(AppsUnavailable, match="GET /customers: no answer in time"):
            await client.get(CALLING, "/customers/0189ee3e-0000-7000-8000-000000000001")
        never.set()


async def test_an_app_that_is_not_there_is_unavailable() -> None:
    client = AppsClient({"me": "http://127.0.0.1:1"}, 5, None, None)

    with pytest.raises(AppsUnavailable, match="GET /me"):
        await client.get(CALLING, "/me/data")
    await client.close()


async def test_without_its_identity_no_app_is_called() -> None:
    async with app(echo, Identity(ClientAuthenticationError("no identity"))) as client:
        with pytest.raises(AppsUnavailable, match="ClientAuthenticationError"):
            await client.get(CALLING, "/me/data")
