import asyncio
import time

import pytest

from shared.adapters.circuit_breaker import CircuitBreaker, CircuitOpen, Inconclusive, Limits, Unreached
from shared.metrics import BREAKER_STATES
from tests.measured import measured
from tests.virtual_time import run_virtually, virtual_loop

RESET_SECONDS = 10
RECONNECT_SECONDS = 0.5
LIMITS = Limits(3, RESET_SECONDS, RECONNECT_SECONDS)
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
    return CircuitBreaker("callee", LIMITS, clock)


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
        async with breaker.attempt(), asyncio.timeout(0.001):
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

    breaker = CircuitBreaker("measured", Limits(3, GAUGE_RESET_SECONDS, GAUGE_RESET_SECONDS))
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
    breaker = CircuitBreaker("callee", LIMITS)
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


async def miss(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Unreached):
            async with breaker.attempt():
                raise Unreached


async def test_a_callee_that_is_not_there_is_tried_again_sooner(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    await miss(breaker, 3)

    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)
    assert refused.value.retry_after == RECONNECT_SECONDS
    clock.seconds += RECONNECT_SECONDS
    await miss(breaker, 1)  # the trial
    clock.seconds += RECONNECT_SECONDS
    await succeed(breaker)


async def test_one_failure_of_another_kind_in_the_row_means_the_longer_time(breaker: CircuitBreaker) -> None:
    await fail_often(breaker, 1)
    await miss(breaker, 2)

    with pytest.raises(CircuitOpen) as refused:
        await succeed(breaker)
    assert refused.value.retry_after == RESET_SECONDS


async def test_a_trial_that_fails_otherwise_means_the_longer_time(breaker: CircuitBreaker, clock: SteppedClock) -> None:
    await miss(breaker, 3)
    clock.seconds += RECONNECT_SECONDS
    await fail_often(breaker, 1)

    with pytest.raises(CircuitOpen) as refused:
        breaker.check()
    assert refused.value.retry_after == RESET_SECONDS


@pytest.mark.parametrize("outcome", [Inconclusive, asyncio.CancelledError])
async def test_a_call_that_was_given_up_says_nothing(
    breaker: CircuitBreaker, clock: SteppedClock, outcome: type[BaseException]
) -> None:
    async def give_up() -> None:
        with pytest.raises(outcome):
            async with breaker.attempt():
                raise outcome

    await fail_often(breaker, 2)
    await give_up()
    breaker.check()
    await fail_often(breaker, 1)
    clock.seconds += RESET_SECONDS
    await give_up()  # the trial: the next call is another one
    await fail_often(breaker, 1)
    with pytest.raises(CircuitOpen):
        breaker.check()


def test_whoever_has_time_waits_for_the_trial_and_all_go_on_when_it_succeeds() -> None:
    async def call() -> tuple[int, list[float]]:
        loop = virtual_loop()
        breaker = CircuitBreaker("callee", LIMITS, loop.time)
        calls, done, back_at = 0, [], 1.2
        await miss(breaker, 3)

        async def patient() -> None:
            nonlocal calls
            async with breaker.attempt(patience=2):
                calls += 1
                await asyncio.sleep(0.01)
                if loop.time() < back_at:
                    raise Unreached
            done.append(loop.time())

        outcomes = await asyncio.gather(*(patient() for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(outcome, Unreached) for outcome in outcomes) == 2
        return calls, done

    calls, done = run_virtually(call())

    # Trials at 0.5, 1.01 and 1.52; the third succeeds, and the others follow.
    assert calls == 20
    assert len(done) == 18
    assert done[0] == pytest.approx(1.53)
    assert done[-1] == pytest.approx(1.54)


def test_whoever_waits_for_a_trial_gives_up_in_time() -> None:
    async def call() -> tuple[float, float]:
        loop = virtual_loop()
        breaker = CircuitBreaker("callee", LIMITS, loop.time)
        await miss(breaker, 3)
        impatient = loop.time()
        with pytest.raises(CircuitOpen):
            async with breaker.attempt(patience=RECONNECT_SECONDS / 2):
                pass
        assert loop.time() == impatient

        async def hanging_trial() -> None:
            async with breaker.attempt(patience=1):
                await asyncio.sleep(60)

        trial = asyncio.create_task(hanging_trial())
        await asyncio.sleep(1.1 * RECONNECT_SECONDS)
        before = loop.time()
        with pytest.raises(CircuitOpen):
            async with breaker.attempt(patience=1):
                pass
        trial.cancel()
        return before, loop.time()

    before, after = run_virtually(call())

    assert after - before == pytest.approx(1)


def test_nobody_waits_for_a_callee_that_is_slow_or_failing() -> None:
    async def call() -> float:
        loop = virtual_loop()
        breaker = CircuitBreaker("callee", LIMITS, loop.time)
        await fail_often(breaker, 3)
        before = loop.time()
        with pytest.raises(CircuitOpen):
            async with breaker.attempt(patience=60):
                pass
        with pytest.raises(CircuitOpen):
            breaker.check()
        return loop.time() - before

    assert run_virtually(call()) == 0
