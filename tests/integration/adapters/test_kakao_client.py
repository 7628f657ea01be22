"""The kakao client over real sockets, against a kakao service that misbehaves in many ways."""

import asyncio
import json
import time

import pytest
from aiohttp import web

from shared.adapters.kakao_client import PAUSE_WHILE_BUSY
from shared.domain.errors import KakaoBusy, KakaoRefused, KakaoUnavailable
from shared.telemetry import continued_trace
from shared.use_cases.deadline import RETRY, TIME_LEFT, Deadline
from tests.integration.adapters.kakao_service import (
    BUSY,
    CUSTOMER,
    KAKAO_TIMEOUT,
    Handler,
    Identity,
    answering,
    close_half_way,
    hang,
    hang_in_the_middle_of_the_answer,
    kakao,
    notify,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


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


async def test_a_call_has_a_token_if_kakao_requires_one() -> None:
    authorizations: list[str] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        authorizations.append(request.headers["Authorization"])
        return web.Response(status=201)

    async with kakao(remember, credential=Identity("token"), kakao_api_scope="kakao/.default") as client:
        await notify(client)

    assert authorizations == ["Bearer token for kakao/.default"]


@pytest.mark.parametrize(("lifetime", "asked"), [(3600, 1), (310, 1), (290, 3), (-10, 3)])
async def test_a_token_is_kept_until_shortly_before_its_end(lifetime: float, asked: int) -> None:
    identity = Identity("token", lifetime)

    async with kakao(answering(201), credential=identity, kakao_api_scope="kakao/.default") as client:
        for _ in range(3):
            await notify(client)

    assert identity.asked == asked


async def test_a_token_that_is_not_available_is_a_failure_of_kakao() -> None:
    async with kakao(answering(201), credential=Identity(None), kakao_api_scope="kakao/.default") as client:
        with pytest.raises(KakaoUnavailable, match="no answer") as failure:
            await notify(client)

    assert not failure.value.may_be_told
