"""While kakao is down, registering is refused and stores nothing; cancelling works, and its alert follows later."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from shared.resources import KAKAOS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON
from tools.play.waiting import wait_until

KAKAO_TIMEOUT_SECONDS = 2
SLACK_SECONDS = 10  # for the rest of the request, on a busy machine
SETTLE_SECONDS = 0.7  # longer than a poll of the change feed and the deliveries that follow

type Outage = Callable[[LocalSystem], AbstractAsyncContextManager[None]]


async def wait_until_registering_works(system: LocalSystem) -> None:
    async def works() -> bool:
        return (await system.call("POST", "/customers", json=YEON)).status == 201

    await wait_until(works, "registering works again")


@asynccontextmanager
async def kakao_stopped(system: LocalSystem) -> AsyncIterator[None]:
    await asyncio.to_thread(system.stack.stop_service, "kakao")
    try:
        yield
    finally:
        await asyncio.to_thread(system.stack.start_service, "kakao")
        await wait_until_registering_works(system)


@asynccontextmanager
async def kakao_frozen(system: LocalSystem) -> AsyncIterator[None]:
    pid = system.stack.kill("kakao", signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        await wait_until_registering_works(system)


@pytest.mark.parametrize("down", [kakao_stopped, kakao_frozen])
async def test_without_kakao_nobody_is_registered_and_nothing_is_stored(system: LocalSystem, down: Outage) -> None:
    await wait_until_settled(system)
    before = await system.count()

    async with down(system):
        responses = await asyncio.gather(*(system.call("POST", "/customers", json=YEON) for _ in range(10)))
        for response in responses:
            assert response.status == 503
            assert response.headers["Content-Type"] == "application/problem+json"
            assert int(response.headers["Retry-After"]) >= 1
            assert response.seconds < KAKAO_TIMEOUT_SECONDS + SLACK_SECONDS
        assert await system.count() == before


async def test_without_kakao_cancelling_works_and_the_alert_follows_exactly_once(system: LocalSystem) -> None:
    customer_id = await system.register()

    async with kakao_stopped(system):
        assert (await system.call("DELETE", f"/customers/{customer_id}")).status == 204
        await system.wait_for_view(customer_id, "CANCELED")
        assert [message["kind"] for message in await system.stored(KAKAOS, customer_id)] == ["registered"]

    await system.wait_for_alert(customer_id, seconds=90)
    kinds = sorted(message["kind"] for message in await system.stored(KAKAOS, customer_id))
    assert kinds == ["canceled", "registered"]


async def test_after_failures_the_circuit_opens_and_registrations_are_refused_immediately(system: LocalSystem) -> None:
    async with kakao_frozen(system):
        await asyncio.gather(*(system.call("POST", "/customers", json=YEON) for _ in range(5)))

        response = await system.call("POST", "/customers", json=YEON)

        assert response.status == 503
        assert "circuit open" in response.body["detail"]
        assert response.seconds < KAKAO_TIMEOUT_SECONDS


async def wait_until_settled(system: LocalSystem) -> None:
    """Waits until no event of earlier tests is in progress."""
    last: dict[str, int] = {}

    async def settled() -> bool:
        nonlocal last
        previous, last = last, await system.count()
        await asyncio.sleep(SETTLE_SECONDS)
        return previous == last

    await wait_until(settled, "nothing is written any more")
