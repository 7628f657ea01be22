import asyncio

import pytest

from shared.adapters.bulkhead import Bulkhead, BulkheadFull


async def test_a_call_beyond_the_running_and_waiting_ones_is_refused_at_once() -> None:
    bulkhead = Bulkhead(concurrent=2, waiting=1)
    done = asyncio.Event()
    running = 0

    async def call() -> None:
        nonlocal running
        async with bulkhead.slot():
            running += 1
            await done.wait()

    calls = [asyncio.create_task(call()) for _ in range(3)]
    await asyncio.sleep(0)

    assert running == 2
    with pytest.raises(BulkheadFull):
        await call()
    done.set()
    await asyncio.gather(*calls)
    assert running == 3


async def test_a_slot_is_released_by_a_call_that_fails_and_by_one_that_stops_waiting() -> None:
    bulkhead = Bulkhead(concurrent=1, waiting=1)

    async def failing() -> None:
        async with bulkhead.slot():
            raise ConnectionError

    async with bulkhead.slot():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), bulkhead.slot():
                pass
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await failing()
    async with bulkhead.slot():
        pass


async def test_as_many_calls_as_may_run_and_wait_are_never_refused() -> None:
    bulkhead = Bulkhead(concurrent=4, waiting=2)

    async def call_again_and_again() -> None:
        for _ in range(50):
            async with bulkhead.slot():
                await asyncio.sleep(0)

    await asyncio.gather(*(call_again_and_again() for _ in range(6)))
