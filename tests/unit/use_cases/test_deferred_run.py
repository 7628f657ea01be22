"""Runs of the timer beside a KakaoTalk of a known capacity, in virtual time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from shared.domain.errors import PublisherUnavailable, StoreUnavailable
from shared.domain.registration import Attempt
from shared.use_cases.deferred_run import LONGEST_RUN_SECONDS, SECONDS_BETWEEN_RUNS
from shared.use_cases.registrations import ReceivedAttempt
from shared.use_cases.trying import Outcome
from tests.unit.fakes import START
from tests.unit.use_cases.postponed_simulation import (
    LOCK_SECONDS,
    TIMEOUT_SECONDS,
    UNANSWERED,
    SimulatedKakao,
    SimulatedQueue,
    Simulation,
    customer,
    now,
)
from tests.virtual_time import run_virtually

CAPACITY = 50.0
DAY_OF_WAITING = 180_000


def is_down_until(end: float, latency: float) -> SimulatedKakao:
    return SimulatedKakao(CAPACITY, is_down=lambda moment: moment < end, down_latency=latency)


@pytest.mark.parametrize("latency", [0.0, 0.05, TIMEOUT_SECONDS])
def test_during_an_outage_a_few_probes_try_and_the_rest_is_not_touched(latency: float) -> None:
    outage = is_down_until(300, latency)

    simulation = Simulation(outage, waiting=DAY_OF_WAITING).run(300)

    assert outage.most_a_second() <= 2
    assert len(outage.tries) <= 300
    # Each probe costs three operations on Service Bus.
    assert simulation.queue.received == simulation.queue.completed == simulation.queue.sent == len(outage.tries)


def test_what_is_over_long_ago_does_not_hide_the_next_probe_and_passes_at_no_more_than_the_limit() -> None:
    simulation = Simulation(
        is_down_until(100, 0), waiting=DAY_OF_WAITING, stale=lambda a: a.customer_id < customer(500)
    )

    simulation.run(60)

    assert 500 < simulation.queue.completed < 600
    assert simulation.queue.received <= UNANSWERED * 60


def test_while_the_circuit_breaker_refuses_nothing_is_received() -> None:
    blocked = SimulatedKakao(CAPACITY, is_blocked=lambda moment: moment < 100)

    simulation = Simulation(blocked, waiting=DAY_OF_WAITING).run(100)

    assert simulation.queue.calls == 0


@pytest.mark.parametrize("latency", [0.0, TIMEOUT_SECONDS])
def test_within_seconds_after_kakao_is_back_all_that_it_takes_is_used(latency: float) -> None:
    kakao = is_down_until(100, latency)

    Simulation(kakao, waiting=DAY_OF_WAITING).run(200)

    assert kakao.answered(Outcome.REGISTERED, 100, 110) > 0.7 * 10 * CAPACITY
    assert kakao.answered(Outcome.REGISTERED, 110, 200) > 0.95 * 90 * CAPACITY
    assert kakao.answered(Outcome.BUSY, 110, 200) < 0.1 * 90 * CAPACITY


@pytest.mark.parametrize("capacity", [2.0, 5.0, 20.0, 80.0])
def test_the_backlog_drains_at_the_pace_that_kakao_takes(capacity: float) -> None:
    kakao = SimulatedKakao(capacity)

    Simulation(kakao, waiting=20_000).run(120)

    assert kakao.answered(Outcome.REGISTERED, 20, 120) > 0.85 * 100 * capacity


@pytest.mark.parametrize("load", [0.5, 1.0, 2.0, 4.0])
def test_new_requests_are_not_starved(load: float) -> None:
    kakao = SimulatedKakao(CAPACITY)

    Simulation(kakao, waiting=20_000, new_a_second=lambda _: load * CAPACITY).run(100)

    assert kakao.new[True] > 0.85 * 100 * min(load, 1) * CAPACITY
    # What they leave is used: all of it, or at most a tenth while they could use all.
    if load < 1:
        assert kakao.answered(Outcome.REGISTERED, 20, 100) > 0.9 * 80 * (1 - load) * CAPACITY
    # Who is refused is tried again minutes later, so it should be few.
    assert kakao.answered(Outcome.BUSY) < 100 * 5


def test_retries_give_way_at_once_and_come_back_within_seconds() -> None:
    kakao = SimulatedKakao(CAPACITY)
    simulation = Simulation(kakao, waiting=20_000, new_a_second=lambda at: 2 * CAPACITY if 60 <= at < 120 else 0)

    simulation.run(180)

    assert kakao.answered(Outcome.REGISTERED, 62, 120) <= 0.1 * 58 * CAPACITY
    assert kakao.answered(Outcome.BUSY, 62, 120) < 2 * 58
    assert kakao.answered(Outcome.REGISTERED, 130, 180) > 0.9 * 50 * CAPACITY


def test_when_kakao_hangs_tries_stop_within_a_second() -> None:
    kakao = SimulatedKakao(CAPACITY, is_down=lambda at: 64 <= at < 130, down_latency=TIMEOUT_SECONDS)

    Simulation(kakao, waiting=20_000).run(130)

    assert kakao.most_a_second(65.1, 67) <= UNANSWERED + 1
    assert kakao.most_a_second(68, 130) <= 1
    assert kakao.most_at_once <= 64


@pytest.mark.parametrize(("share", "least"), [(0.05, 0.6), (0.2, 0.2), (0.5, 0.05)])
def test_a_kakao_that_fails_now_and_then_still_registers_most(share: float, least: float) -> None:
    kakao = SimulatedKakao(CAPACITY, fails=share)

    Simulation(kakao, waiting=20_000).run(200)

    assert kakao.answered(Outcome.REGISTERED, 50, 200) > least * 150 * CAPACITY


def test_tries_are_spread_over_the_second() -> None:
    kakao = SimulatedKakao(1000)

    Simulation(kakao, waiting=20_000).run(60)

    after = [moment for moment in kakao.tries if moment > 30]
    tenths = [sum(30 + tenth / 10 <= moment < 30.1 + tenth / 10 for moment in after) for tenth in range(85)]
    assert max(tenths) <= 25  # of 100 a second
    assert kakao.most_a_second() <= 112


def test_an_idle_run_costs_one_receive() -> None:
    simulation = Simulation(SimulatedKakao(CAPACITY)).run(100)

    assert simulation.queue.calls == 100 / SECONDS_BETWEEN_RUNS


def test_runs_end_in_time_for_the_next_and_for_a_restart() -> None:
    for kakao in (SimulatedKakao(CAPACITY), is_down_until(100, TIMEOUT_SECONDS)):
        simulation = Simulation(kakao, waiting=20_000).run(100)

        assert simulation.longest_run <= LONGEST_RUN_SECONDS + TIMEOUT_SECONDS + 0.1


def test_a_second_run_in_the_same_process_does_nothing() -> None:
    async def both() -> None:
        deferred = simulation.deferred()
        await asyncio.gather(deferred(), deferred())

    simulation = Simulation(SimulatedKakao(CAPACITY))
    run_virtually(both())

    assert simulation.queue.calls == 1


def test_two_instances_at_once_as_in_a_rolling_update_try_nothing_twice() -> None:
    kakao = SimulatedKakao(CAPACITY)
    one = Simulation(kakao, waiting=2000)
    other = Simulation(kakao, queue=one.queue)

    async def both() -> None:
        for number in range(2000):
            one.queue.put(attempt(number), 0)
        await asyncio.gather(one.deferred()(), other.deferred()())

    run_virtually(both())

    assert kakao.answered(Outcome.REGISTERED) == one.queue.completed - one.queue.sent + 2000 > 200


def attempt(number: int) -> Attempt:
    return Attempt(customer_id=customer(number), number=1, due_at=START)


@dataclass
class Broken(SimulatedQueue):
    """Without Service Bus in the seconds between."""

    away: tuple[float, float] = (0, 0)

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        self._check()
        return await super().receive(most, seconds)

    async def complete(self, received: ReceivedAttempt) -> None:
        self._check()
        await super().complete(received)

    def _check(self) -> None:
        if self.away[0] <= now() < self.away[1]:
            raise PublisherUnavailable("Service Bus does not respond.", 1)


def test_without_service_bus_a_run_ends_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    kakao = SimulatedKakao(CAPACITY)
    simulation = Simulation(kakao, waiting=300, queue=Broken(away=(4, 14)))

    with caplog.at_level(logging.WARNING):
        simulation.run(120)

    assert len(caplog.records) == 2
    assert not simulation.queue.waiting
    assert not simulation.queue.locked


@pytest.mark.parametrize("error", [StoreUnavailable("The database does not respond.", 2), ValueError("unexpected")])
def test_a_try_that_fails_leaves_its_message_to_come_again(error: Exception) -> None:
    failed: list[Attempt] = []

    class Failing(Simulation):
        async def try_registration(self, attempt: Attempt) -> Outcome:
            if len(failed) < 3:
                failed.append(attempt)
                raise error
            return await super().try_registration(attempt)

        async def run_once(self) -> None:
            for number in range(20):
                self.queue.put(attempt(number), 0)
            deferred = self.deferred()
            for _ in range(10):
                try:
                    await deferred()
                except ValueError as unexpected:
                    assert unexpected is error  # noqa: PT017 - only then does it raise
                await asyncio.sleep(SECONDS_BETWEEN_RUNS)

    simulation = Failing(SimulatedKakao(CAPACITY))
    run_virtually(simulation.run_once())

    assert simulation.queue.completed == 20
    assert simulation.kakao.answered(Outcome.REGISTERED) == 20
    assert len(failed) == 3


def test_what_is_held_when_kakao_stops_answering_is_tried_within_its_lock_or_left() -> None:
    # It stops for longer than the lock, so that what was received comes again.
    kakao = SimulatedKakao(CAPACITY, is_blocked=lambda at: 30 < at < 30 + 2 * LOCK_SECONDS)
    simulation = Simulation(kakao, waiting=3000)

    simulation.run(300)

    assert kakao.answered(Outcome.REGISTERED) == 3000
    assert not simulation.queue.locked


def test_the_sweep_is_told_once_a_run_what_the_queue_delivers() -> None:
    simulation = Simulation(SimulatedKakao(1000), waiting=100).run(50)

    heads = simulation.upkeep.heads
    assert [head and head.message_id for head in heads] == [attempt(0).message_id, None, None, None, None]
