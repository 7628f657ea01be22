import asyncio
import time

import pytest

from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from shared.metrics import BREAKER_STATES
from tests.measured import measured

RESET_SECONDS = 10
GAUGE_RESET_SECONDS = 0.05  # of the gauge, which goes by the clock of the process


class SteppedClock:
    """A clock that advances only when a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def breaker(clock: SteppedClock) -> CircuitBreaker:
    return CircuitBreaker("callee", failures=3, reset_seconds=RESET_SECONDS, clock=clock)


async def fail(breaker: CircuitBreaker) -> None:
    async with breaker.attempt(LookupError):
        raise ConnectionError


async def succeed(breaker: CircuitBreaker) -> None:
    async with breaker.attempt(LookupError):
        pass


async def fail_often(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            await fail(breaker)


async def until_half_open(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    await fail_often(breaker, 3)
    clock.seconds += RESET_SECONDS


async def test_it_opens_after_three_failures_in_a_row_and_says_for_how_long(breaker: CircuitBreaker) -> None:
    await fail_often(breaker, 3)

    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)
    assert 0 < refused.value.retry_after <= RESET_SECONDS


async def test_a_success_between_failures_keeps_it_closed(breaker: CircuitBreaker) -> None:
    await fail_often(breaker, 2)
    await succeed(breaker)
    await fail_often(breaker, 2)

    await succeed(breaker)


async def test_harmless_exceptions_are_not_failures(breaker: CircuitBreaker) -> None:
    async def refuse() -> None:
        async with breaker.attempt(LookupError):
            raise KeyError

    for _ in range(10):
        with pytest.raises(KeyError):
            await refuse()

    await succeed(breaker)


async def test_a_timeout_is_a_failure(breaker: CircuitBreaker) -> None:
    async def hang() -> None:
        async with asyncio.timeout(0.001), breaker.attempt():
            await asyncio.Event().wait()

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await hang()

    with pytest.raises(CircuitOpen):
        await succeed(breaker)


async def test_half_open_it_lets_one_trial_through_and_closes_on_its_success(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    await until_half_open(breaker, clock)

    async with breaker.attempt():
        with pytest.raises(CircuitOpen):
            await succeed(breaker)

    await succeed(breaker)
    await succeed(breaker)


async def test_half_open_it_opens_again_when_the_trial_fails(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    await until_half_open(breaker, clock)

    await fail_often(breaker, 1)

    with pytest.raises(CircuitOpen):
        await succeed(breaker)


async def test_the_gauge_distinguishes_a_circuit_that_is_due_for_a_trial_from_an_open_one() -> None:
    def state() -> int | float:
        return measured("ssak8.breaker.state", circuit="measured")

    breaker = CircuitBreaker("measured", failures=3, reset_seconds=GAUGE_RESET_SECONDS)
    assert state() == BREAKER_STATES["closed"]

    await fail_often(breaker, 3)
    assert state() == BREAKER_STATES["open"]

    await asyncio.sleep(GAUGE_RESET_SECONDS * 1.2)
    assert state() == BREAKER_STATES["half-open"]

    await succeed(breaker)
    assert state() == BREAKER_STATES["closed"]


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_wall_clock_that_is_set_neither_prolongs_nor_ends_an_outage(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    breaker = CircuitBreaker("callee", failures=3, reset_seconds=RESET_SECONDS)
    await fail_often(breaker, 3)
    wall_clock = time.time
    monkeypatch.setattr(time, "time", lambda: wall_clock() + hours * 3600)

    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)

    assert 0 < refused.value.retry_after <= RESET_SECONDS


async def test_it_is_due_for_a_trial_once_its_time_is_over_and_not_before(
    breaker: CircuitBreaker, clock: SteppedClock
) -> None:
    await fail_often(breaker, 3)

    clock.seconds += RESET_SECONDS - 1
    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)
    assert refused.value.retry_after == 1

    clock.seconds += 1
    await succeed(breaker)


async def test_a_call_that_began_before_the_circuit_opened_does_not_close_it(breaker: CircuitBreaker) -> None:
    async with breaker.attempt():
        await fail_often(breaker, 3)

    with pytest.raises(CircuitOpen):
        await succeed(breaker)
