"""The kakao client over real sockets, against a kakao service that misbehaves in many ways."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.kakao_client import Credential, KakaoClient
from shared.domain.customer import Customer
from shared.domain.errors import KakaoRefused, KakaoUnavailable
from shared.settings import Settings
from shared.telemetry import continued_trace
from tests.unit.fakes import CUSTOMER_ID, START, YEON

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

KAKAO_TIMEOUT = 0.3

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def client_of(url: str, credential: Credential | None = None, **settings: object) -> KakaoClient:
    connections = {
        "cosmos_connection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
        "service_bus_connection": "Endpoint=sb://127.0.0.1:1;",
        "kakao_api_url": url,
        "kakao_timeout_seconds": KAKAO_TIMEOUT,
    }
    return KakaoClient(Settings.model_validate({**connections, **settings}), credential)


@asynccontextmanager
async def kakao(
    handler: Handler, credential: Credential | None = None, **settings: object
) -> AsyncIterator[KakaoClient]:
    app = web.Application()
    app.router.add_post("/kakaos", handler)
    async with TestServer(app) as server:
        client = client_of(str(server.make_url("/")), credential, **settings)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def woken_kakao(wake: Handler) -> AsyncIterator[KakaoClient]:
    """A kakao that takes every message, and answers the question for one with `wake`."""
    app = web.Application()
    app.router.add_post("/kakaos", answering(201))
    app.router.add_get("/kakaos/{id}", wake)
    async with TestServer(app) as server:
        client = client_of(str(server.make_url("/")), Identity("token"), kakao_api_scope="kakao/.default")
        try:
            yield client
        finally:
            await client.close()


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response(status=201)


async def close_half_way(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    assert request.transport
    request.transport.abort()
    return response


async def hang_in_the_middle_of_the_answer(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=201, headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    await asyncio.sleep(30)
    return response


def answering(status: int, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def test_it_sends_the_details_with_a_key_for_this_message_and_continues_the_trace() -> None:
    requests: list[tuple[dict[str, object], str, str]] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        headers = request.headers
        requests.append((await request.json(), headers["Idempotency-Key"], headers["traceparent"]))
        return web.Response(status=201)

    async with kakao(remember) as client:
        with continued_trace(TRACEPARENT):
            await client.notify_registered(CUSTOMER)

    body = {
        "customerId": CUSTOMER.customer_id,
        "kind": "registered",
        "customerName": "yeon",
        "customerAddress": "incheon",
        "customerAge": 20,
    }
    assert json.loads(json.dumps(requests)) == [[body, f"{CUSTOMER.customer_id}.registered", TRACEPARENT]]


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (hang, "timeout"),
        (hang_in_the_middle_of_the_answer, "timeout"),
        (close_half_way, "no answer"),
        (answering(500), "failing"),
        (answering(502), "failing"),
        (answering(503), "overloaded"),
        (answering(429), "overloaded"),
        (answering(302, Location="/elsewhere"), "not taken"),
        (answering(400), "not taken"),
        (answering(401), "failing"),
        (answering(403), "failing"),
        (answering(404), "failing"),
    ],
)
async def test_any_answer_but_a_success_is_unavailable_within_the_timeout(handler: Handler, reason: str) -> None:
    async with kakao(handler) as client:
        before = time.monotonic()
        with pytest.raises(KakaoUnavailable) as failure:
            await client.notify_registered(CUSTOMER)

    assert failure.value.reason == reason
    assert time.monotonic() - before < 1


async def test_a_closed_port_is_unavailable(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(KakaoUnavailable, match="no answer"):
        await client.notify_registered(CUSTOMER)
    await client.close()


async def test_a_refusal_is_not_a_failure_of_kakao() -> None:
    async with kakao(answering(422), kakao_breaker_failures=2) as client:
        for _ in range(5):
            with pytest.raises(KakaoRefused):
                await client.notify_registered(CUSTOMER)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("999999", 3600), ("-1", 2), ("Wed, 21 Oct 2026 07:28:00 GMT", 2)]
)
async def test_the_pause_that_kakao_asks_for_is_passed_on(header: str, seconds: float) -> None:
    async with kakao(answering(429, Retry_After=header)) as client:
        with pytest.raises(KakaoUnavailable) as failure:
            await client.notify_registered(CUSTOMER)

    assert failure.value.retry_after == seconds


async def test_after_five_failures_kakao_is_not_called_and_after_a_pause_tried_once() -> None:
    calls = 0
    status = 500

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return web.Response(status=status)

    async with kakao(count, kakao_breaker_reset_seconds=0.1) as client:
        for _ in range(20):
            with pytest.raises(KakaoUnavailable):
                await client.notify_registered(CUSTOMER)
        assert calls == 5

        status = 201
        await asyncio.sleep(0.15)
        await client.notify_registered(CUSTOMER)
        assert calls == 6


async def test_a_hanging_kakao_holds_no_more_calls_than_the_bulkhead_lets_run() -> None:
    running = most = 0

    async def hang_and_count(request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await hang(request)
        finally:
            running -= 1

    async with kakao(hang_and_count, kakao_concurrent_calls=4, kakao_waiting_calls=2) as client:
        before = time.monotonic()
        outcomes = await asyncio.gather(
            *(client.notify_registered(CUSTOMER) for _ in range(20)), return_exceptions=True
        )

    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, KakaoUnavailable)]
    assert most == 4
    assert (reasons.count("overloaded"), len(reasons)) == (14, 20)
    assert time.monotonic() - before < 1


async def test_an_idle_connection_that_kakao_has_closed_costs_no_registration() -> None:
    served = 0

    async def answer_once_then_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        for last in (False, True):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            if last:
                break
            served += 1
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer_once_then_hang_up, "127.0.0.1", 0) as server:
        client = client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await client.notify_registered(CUSTOMER)
        await client.notify_registered(CUSTOMER)
        await client.close()

    assert served == 2


class Identity:
    """Gives a token as a managed identity does, or fails as one does."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def get_token(self, *scopes: str) -> AccessToken:
        if self._token is None:
            raise ClientAuthenticationError("no identity")
        return AccessToken(f"{self._token} for {' '.join(scopes)}", 0)


async def test_a_call_has_a_token_if_kakao_requires_one() -> None:
    authorizations: list[str] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        authorizations.append(request.headers["Authorization"])
        return web.Response(status=201)

    async with kakao(remember, credential=Identity("token"), kakao_api_scope="kakao/.default") as client:
        await client.notify_registered(CUSTOMER)

    assert authorizations == ["Bearer token for kakao/.default"]


async def test_a_token_that_is_not_available_is_a_failure_of_kakao() -> None:
    async with kakao(answering(201), credential=Identity(None), kakao_api_scope="kakao/.default") as client:
        with pytest.raises(KakaoUnavailable, match="no answer"):
            await client.notify_registered(CUSTOMER)


async def test_at_the_start_it_wakes_kakao_with_a_token_and_calls_wait_outside_their_own_time() -> None:
    asked: list[tuple[str, str]] = []
    go_on = asyncio.Event()

    async def answer_late(request: web.Request) -> web.StreamResponse:
        asked.append((request.match_info["id"], request.headers["Authorization"]))
        await go_on.wait()
        return web.Response(status=404)

    async with woken_kakao(answer_late) as client:
        client.open_at_start()
        notifying = asyncio.create_task(client.notify_registered(CUSTOMER))
        await asyncio.sleep(2 * KAKAO_TIMEOUT)
        assert not notifying.done()
        go_on.set()
        await notifying

    assert asked == [("00000000-0000-7000-8000-000000000000.registered", "Bearer token for kakao/.default")]


async def test_a_kakao_that_is_down_at_the_start_is_called_all_the_same_and_woken_later() -> None:
    asked: list[str] = []

    async def fail_once(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=404 if len(asked) > 1 else 503)

    async with woken_kakao(fail_once) as client:
        client.open_at_start()
        await client.notify_registered(CUSTOMER)
        async with asyncio.timeout(5):
            while len(asked) < 2:  # noqa: ASYNC110 - it is tried again in the background
                await asyncio.sleep(0.02)
