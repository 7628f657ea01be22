import asyncio
import time
from itertools import pairwise

import pytest

from tests.unit.bench.server import CREATED, REFUSED, Server, serving
from tools.bench.figures import percentile
from tools.bench.generator.open_loop import CONNECTING_AT_ONCE, FIRST_CONNECTIONS, open_loop
from tools.bench.generator.plan import Call, Plan

CALLS = FIRST_CONNECTIONS + 3 * CONNECTING_AT_ONCE


async def test_all_calls_of_the_schedule_are_sent_and_counted_once() -> None:
    async def every_fourth_served(server: Server, number: int) -> bytes:
        return CREATED if number % 4 == 0 else REFUSED

    async with serving(every_fourth_served) as server:
        result = await open_loop(Plan(Call([server.url], "POST", "{}"), 0.5, rate=400))

    assert len(server.requests) == 200
    assert len(result.durations) == 50
    assert result.failures == {"503 overloaded": 150}
    assert result.retry_after == {"2": 150}
    assert result.rate == 100


async def test_calls_do_not_wait_for_the_answers_of_others() -> None:
    all_came = asyncio.Event()

    async def once_all_have_come(server: Server, number: int) -> bytes:
        if number == CALLS:
            all_came.set()
        await all_came.wait()
        return CREATED

    async with serving(once_all_have_come) as server, asyncio.timeout(60):
        # All are due at once.
        result = await open_loop(Plan(Call([server.url]), CALLS / 1e6, rate=1e6))

    # A closed loop would wait for ever: nobody is answered before all have called, more than are connected at first.
    assert len(result.durations) == CALLS


async def test_a_pause_of_the_server_counts_for_all_calls_that_were_due_meanwhile() -> None:
    pause = 0.4

    async def pauses_once(server: Server, number: int) -> bytes:
        if number == 1:
            # The whole loop, and the generator in it, as a machine that is too busy.
            time.sleep(pause)  # noqa: ASYNC251 nothing else may run
        return CREATED

    async with serving(pauses_once) as server:
        result = await open_loop(Plan(Call([server.url]), 0.4, rate=250))

    # Evenly spread over the pause, and not one slow call among a hundred fast ones.
    assert percentile(result.durations, 50) > pause / 4
    assert max(result.durations) >= pause
    assert result.late > 0


async def test_a_lost_connection_is_a_failure_and_another_one_is_opened() -> None:
    async def loses_the_first(server: Server, number: int) -> bytes | None:
        return None if number <= 5 else CREATED

    async with serving(loses_the_first) as server:
        result = await open_loop(Plan(Call([server.url]), 0.2, rate=100))

    assert result.failures == {"connection lost": 5}
    assert len(result.durations) == 15


async def test_answers_have_the_moment_at_which_they_came() -> None:
    async def created(server: Server, number: int) -> bytes:
        return CREATED

    async with serving(created) as server:
        result = await open_loop(Plan(Call([server.url]), 0.3, rate=100))

    moments = [answer.at or 0 for answer in result.answers]
    assert all(before <= after for before, after in pairwise(moments))
    assert moments[-1] >= 0.29


async def test_each_call_has_a_token_of_its_own_and_too_few_are_refused() -> None:
    async def created(server: Server, number: int) -> bytes:
        return CREATED

    async with serving(created) as server:
        call = Call([server.url], tokens=[str(number) for number in range(20)])
        result = await open_loop(Plan(call, 0.2, rate=100))

    assert len(result.durations) == 20
    assert len(set(server.requests)) == 20
    with pytest.raises(ValueError, match="30 calls need as many tokens: there are 20"):
        Plan(call, 0.3, rate=100)
