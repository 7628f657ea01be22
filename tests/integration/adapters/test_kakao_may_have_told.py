"""What the kakao client knows about whether the customer was told, over real sockets."""

import asyncio

import pytest
from aiohttp import web

from shared.domain.errors import KakaoBusy, KakaoUnavailable
from shared.use_cases.deadline import Deadline
from tests.integration.adapters.kakao_service import (
    BUSY,
    KAKAO_TIMEOUT,
    Handler,
    answering,
    client_of,
    close_half_way,
    flaky_kakao,
    hang,
    hang_in_the_middle_of_the_answer,
    kakao,
    notify,
    woken_kakao,
)
from tests.unit.fakes import CUSTOMER_ID


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
