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

from shared.adapters.kakao_client import PAUSE_WHILE_BUSY, Credential, KakaoClient
from shared.domain.customer import Customer
from shared.domain.errors import KakaoBusy, KakaoRefused, KakaoUnavailable
from shared.settings import Settings
from shared.telemetry import continued_trace
from shared.use_cases.deadline import RETRY, TIME_LEFT, Deadline
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
async def woken_kakao(wake: Handler, **settings: object) -> AsyncIterator[KakaoClient]:
    """A kakao that takes every message, and answers the question for one with `wake`."""
    app = web.Application()
    app.router.add_post("/kakaos", answering(201))
    app.router.add_get("/kakaos/{id}", wake)
    app.router.add_get("/receipts/{id}", wake)
    async with TestServer(app) as server:
        client = client_of(str(server.make_url("/")), Identity("token"), kakao_api_scope="kakao/.default", **settings)
        try:
            yield client
        finally:
            await client.close()


async def notify(client: KakaoClient, seconds: float = 60) -> None:
    await client.notify_registered(CUSTOMER, Deadline.after(seconds))


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


BUSY = answering(429, Retry_After="1")


async def test_it_sends_the_details_with_a_key_for_this_message_and_continues_the_trace() -> None:
    requests: list[tuple[dict[str, object], str, str]] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        headers = request.headers
        requests.append((await request.json(), headers["Idempotency-Key"], headers["traceparent"]))
        return web.Response(status=201)

    async with kakao(remember) as client:
        with continued_trace(TRACEPARENT):
            await notify(client)

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
        (answering(429), "busy"),
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
            await notify(client)

    assert failure.value.reason == reason
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    ("handler", "may_be_told"),
    [
        (hang, True),
        (hang_in_the_middle_of_the_answer, True),
        (close_half_way, True),
        (answering(500), True),
        (answering(503), True),
        (answering(504), True),
        (answering(408), True),
        (answering(409), True),
        (BUSY, False),
        (answering(302, Location="/elsewhere"), False),
        (answering(400), False),
        (answering(401), False),
        (answering(403), False),
        (answering(404), False),
    ],
)
async def test_a_failure_says_whether_the_customer_may_have_been_told(handler: Handler, *, may_be_told: bool) -> None:
    async with kakao(handler) as client:
        with pytest.raises(KakaoUnavailable) as failure:
            await notify(client)

    assert failure.value.may_be_told is may_be_told
    assert isinstance(failure.value, KakaoBusy) == (handler is BUSY)


async def test_nobody_was_told_by_a_call_that_was_not_made(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}", kakao_breaker_failures=2)
    failures = await asyncio.gather(*(notify(client) for _ in range(10)), return_exceptions=True)
    with pytest.raises(KakaoUnavailable) as last:
        await notify(client, 0.01)
    await client.close()

    assert {failure.reason for failure in failures if isinstance(failure, KakaoUnavailable)} == {"no answer"}
    assert last.value.reason == "circuit open"
    assert not any(isinstance(failure, KakaoUnavailable) and failure.may_be_told for failure in [*failures, last.value])


@pytest.mark.parametrize("last", ["full", "unauthorized"])
async def test_who_may_have_been_told_by_an_earlier_try_may_still_have_been(last: str) -> None:
    async with flaky_kakao("reset", last, kakao_timeout_seconds=5) as (client, keys):
        with pytest.raises(KakaoUnavailable) as failure:
            await notify(client)

    assert len(keys) == 2
    assert failure.value.may_be_told
    assert not isinstance(failure.value, KakaoBusy)


async def test_a_kakao_that_takes_no_more_is_not_failing_and_is_not_asked_again_at_once() -> None:
    calls = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return await BUSY(request)

    async with kakao(count, kakao_breaker_failures=2) as client:
        for _ in range(20):
            with pytest.raises(KakaoBusy):
                await notify(client)

    assert calls == 20


async def test_just_after_kakao_has_taken_no_more_new_registrations_are_refused_before_they_begin() -> None:
    async with kakao(BUSY) as client:
        client.check_takes_new()
        with pytest.raises(KakaoBusy):
            await client.notify_registered(CUSTOMER, Deadline.after(60), is_retry=True)
        client.check_takes_new()
        with pytest.raises(KakaoBusy):
            await notify(client)
        with pytest.raises(KakaoBusy) as refused:
            client.check_takes_new()
        client.check_available()  # for retries, which have a share of their own
        await asyncio.sleep(PAUSE_WHILE_BUSY)
        client.check_takes_new()

    assert refused.value.retry_after == 1


async def test_an_open_circuit_takes_no_new_registrations() -> None:
    async with kakao(answering(500), kakao_breaker_failures=1) as client:
        with pytest.raises(KakaoUnavailable):
            await notify(client)
        with pytest.raises(KakaoUnavailable, match="circuit open"):
            client.check_takes_new()


async def test_only_a_retry_says_that_it_is_one() -> None:
    said: list[str | None] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        said.append(request.headers.get(RETRY))
        return web.Response(status=201)

    async with kakao(remember) as client:
        await notify(client)
        await client.notify_registered(CUSTOMER, Deadline.after(60), is_retry=True)

    assert said == [None, "?1"]


@pytest.mark.parametrize(
    ("status", "told"),
    [(204, True), (404, False)],
)
async def test_kakao_is_asked_whether_the_customer_was_told(status: int, *, told: bool) -> None:
    asked: list[tuple[str, str]] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, request.headers["Authorization"]))
        return web.Response(status=status, content_type="application/problem+json" if status == 404 else "text/plain")

    async with woken_kakao(remember) as client:
        assert await client.was_told(CUSTOMER_ID, Deadline.after(60)) is told

    assert asked == [(f"/receipts/{CUSTOMER_ID}.registered", "Bearer token for kakao/.default")]


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (hang, "timeout"),
        (close_half_way, "no answer"),
        (answering(404), "failing"),  # Azure, while kakao is not there
        (answering(403), "failing"),
        (answering(500), "failing"),
        (answering(503), "overloaded"),
        (answering(429), "busy"),
    ],
)
async def test_without_a_clear_answer_nobody_knows_whether_the_customer_was_told(handler: Handler, reason: str) -> None:
    async with woken_kakao(handler, kakao_timeout_seconds=KAKAO_TIMEOUT) as client:
        with pytest.raises(KakaoUnavailable) as failure:
            await client.was_told(CUSTOMER_ID, Deadline.after(60))

    assert failure.value.reason == reason


async def test_asking_stands_under_the_same_circuit_breaker() -> None:
    async with kakao(answering(500), kakao_breaker_failures=1) as client:
        with pytest.raises(KakaoUnavailable):
            await notify(client)
        with pytest.raises(KakaoUnavailable, match="circuit open"):
            await client.was_told(CUSTOMER_ID, Deadline.after(60))


async def test_a_closed_port_is_unavailable(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(KakaoUnavailable, match="no answer"):
        await notify(client)
    await client.close()


async def test_a_refusal_is_not_a_failure_of_kakao() -> None:
    async with kakao(answering(422), kakao_breaker_failures=2) as client:
        for _ in range(5):
            with pytest.raises(KakaoRefused):
                await notify(client)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("999999", 3600), ("-1", 2), ("Wed, 21 Oct 2026 07:28:00 GMT", 2)]
)
async def test_the_pause_that_kakao_asks_for_is_passed_on(header: str, seconds: float) -> None:
    async with kakao(answering(429, Retry_After=header)) as client:
        with pytest.raises(KakaoUnavailable) as failure:
            await notify(client)

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
                await notify(client)
        assert calls == 5

        status = 201
        await asyncio.sleep(0.15)
        await notify(client)
        assert calls == 6


async def test_a_call_says_how_long_it_waits_and_leaves_time_to_store() -> None:
    left: list[float] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        left.append(float(request.headers[TIME_LEFT]))
        return web.Response(status=201)

    async with kakao(remember, kakao_timeout_seconds=6) as client:
        for seconds in (60, 2, 1):
            await notify(client, seconds)

    assert left == [pytest.approx(expected, abs=0.1) for expected in (6, 1.5, 0.75)]


async def test_a_timeout_after_too_short_a_time_does_not_count_against_kakao() -> None:
    status = "hang"

    async def answer(request: web.Request) -> web.StreamResponse:
        return await hang(request) if status == "hang" else web.Response(status=201)

    async with kakao(answer, kakao_breaker_failures=2) as client:
        for _ in range(5):
            with pytest.raises(KakaoUnavailable, match="timeout"):
                await notify(client, KAKAO_TIMEOUT / 4)
        status = "answer"
        await notify(client)


@asynccontextmanager
async def flaky_kakao(*behaviours: str, **settings: object) -> AsyncIterator[tuple[KakaoClient, list[str]]]:
    """A server that treats each call in its own way: `reset`, `half` an answer, `answer`. Remembers their keys."""
    keys: list[str] = []
    ways = iter(behaviours)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        keys.append(head.partition(b"idempotency-key: ")[2].partition(b"\r\n")[0].decode())
        match next(ways, "answer"):
            case "reset":
                writer.transport.abort()
            case "half":
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
                await writer.drain()
                writer.close()
            case "busy":
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case "full":
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case "unauthorized":
                writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
            case _:
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None, **settings)
        try:
            yield client, keys
        finally:
            await client.close()


@pytest.mark.parametrize("behaviours", [["reset"], ["reset", "reset", "reset"], ["half"], ["half", "reset", "half"]])
async def test_what_got_no_whole_answer_is_sent_again_with_the_same_key(behaviours: list[str]) -> None:
    async with flaky_kakao(*behaviours, kakao_timeout_seconds=5) as (client, keys):
        await notify(client)

    assert keys == [f"{CUSTOMER.customer_id}.registered"] * (len(behaviours) + 1)


async def test_an_answer_that_means_overload_is_not_repeated() -> None:
    async with flaky_kakao("busy") as (client, keys):
        with pytest.raises(KakaoUnavailable, match="overloaded"):
            await notify(client)

    assert len(keys) == 1


async def test_repeating_adds_little_to_the_load_of_a_kakao_that_gets_calls_and_dies() -> None:
    behaviours = ["reset"] * 1000
    async with flaky_kakao(*behaviours, registrations_at_once=3, kakao_breaker_failures=10_000) as (client, keys):
        outcomes = [await asyncio.gather(notify(client), return_exceptions=True) for _ in range(20)]

    assert all(isinstance(outcome, KakaoUnavailable) for [outcome] in outcomes)
    assert len(keys) == 20 + 3


async def test_a_kakao_that_comes_back_in_time_costs_no_registration(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}", kakao_timeout_seconds=5)
    # More than open the circuit: those that find it open wait for the trial.
    notifying = [asyncio.create_task(notify(client)) for _ in range(20)]
    await asyncio.sleep(0.7)
    app = web.Application()
    app.router.add_post("/kakaos", answering(201))
    async with TestServer(app, port=unused_tcp_port):
        await asyncio.gather(*notifying)
    await client.close()


async def test_while_nobody_is_there_callers_are_refused_when_their_time_is_up(unused_tcp_port: int) -> None:
    client = client_of(f"http://127.0.0.1:{unused_tcp_port}", kakao_timeout_seconds=1)
    before = time.monotonic()
    outcomes = await asyncio.gather(*(notify(client) for _ in range(20)), return_exceptions=True)
    await client.close()

    assert all(isinstance(outcome, KakaoUnavailable) for outcome in outcomes)
    assert time.monotonic() - before < 5


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
        await notify(client)
        await notify(client)
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
        await notify(client)

    assert authorizations == ["Bearer token for kakao/.default"]


async def test_a_token_that_is_not_available_is_a_failure_of_kakao() -> None:
    async with kakao(answering(201), credential=Identity(None), kakao_api_scope="kakao/.default") as client:
        with pytest.raises(KakaoUnavailable, match="no answer") as failure:
            await notify(client)

    assert not failure.value.may_be_told


async def test_at_the_start_it_wakes_kakao_with_a_token_and_calls_wait_outside_their_own_time() -> None:
    asked: list[tuple[str, str]] = []
    go_on = asyncio.Event()

    async def answer_late(request: web.Request) -> web.StreamResponse:
        asked.append((request.match_info["id"], request.headers["Authorization"]))
        await go_on.wait()
        return web.Response(status=404)

    async with woken_kakao(answer_late) as client:
        client.open_at_start()
        notifying = asyncio.create_task(notify(client))
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
        await notify(client)
        async with asyncio.timeout(30):
            while len(asked) < 2:  # noqa: ASYNC110 - it is tried again in the background
                await asyncio.sleep(0.02)
