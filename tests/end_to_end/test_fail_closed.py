"""Kakao down in every way: registering is refused and stores nothing, cancelling works, and later all is made good."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from shared.resources import KAKAOS
from tests.end_to_end.house import YEON, House, eventually

KAKAO_TIMEOUT_SECONDS = 2

type Outage = Callable[[House], AbstractAsyncContextManager[None]]


async def until_registering_works(house: House) -> None:
    async def works() -> bool:
        return (await house.call("POST", "/customers", json=YEON)).status == 201

    await eventually(works, "registering works again")


@asynccontextmanager
async def kakao_stopped(house: House) -> AsyncIterator[None]:
    await asyncio.to_thread(house.stack.stop_service, "kakao")
    try:
        yield
    finally:
        await asyncio.to_thread(house.stack.start_service, "kakao")
        await until_registering_works(house)


@asynccontextmanager
async def kakao_frozen(house: House) -> AsyncIterator[None]:
    pid = house.stack.kill("kakao", signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        await until_registering_works(house)


@pytest.mark.parametrize("down", [kakao_stopped, kakao_frozen])
async def test_without_kakao_nobody_is_registered_and_nothing_is_stored(house: House, down: Outage) -> None:
    await eventually_settled(house)
    before = await house.count()

    async with down(house):
        answers = await asyncio.gather(*(house.call("POST", "/customers", json=YEON) for _ in range(10)))
        for answer in answers:
            assert answer.status == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.seconds < KAKAO_TIMEOUT_SECONDS + 0.7
        assert await house.count() == before


async def test_without_kakao_cancelling_works_and_the_alert_comes_later_exactly_once(house: House) -> None:
    customer_id = await house.register()

    async with kakao_stopped(house):
        assert (await house.call("DELETE", f"/customers/{customer_id}")).status == 204
        await house.view_says(customer_id, "CANCELED")
        assert [message["kind"] for message in await house.stored(KAKAOS, customer_id)] == ["registered"]

    await house.alerted(customer_id, seconds=45)
    kinds = sorted(message["kind"] for message in await house.stored(KAKAOS, customer_id))
    assert kinds == ["canceled", "registered"]


async def test_after_failures_the_circuit_opens_and_registrations_are_refused_at_once(house: House) -> None:
    async with kakao_frozen(house):
        await asyncio.gather(*(house.call("POST", "/customers", json=YEON) for _ in range(5)))

        answer = await house.call("POST", "/customers", json=YEON)

        assert answer.status == 503
        assert "circuit open" in answer.body["detail"]
        assert answer.seconds < 0.5


async def eventually_settled(house: House) -> None:
    """Waits until nothing of earlier tests is on its way any more."""
    last: dict[str, int] = {}

    async def settled() -> bool:
        nonlocal last
        previous, last = last, await house.count()
        await asyncio.sleep(0.7)
        return previous == last

    await eventually(settled, "nothing is written any more")
