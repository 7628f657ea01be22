"""Admission against simulated callers and callees, in virtual time; and its promises under cancellation."""

import asyncio
import random
from collections.abc import Callable, Iterator

import pytest

from shared.adapters.admission import REFUSED_AFTER, TURNS_BEFORE_THE_CALL, Admission
from shared.domain.errors import Overloaded
from shared.use_cases.admitting import Slot
from tests.unit.adapters.busy_machine import BusyMachine
from tests.unit.adapters.simulation import AT_ONCE, CAPACITY, DEADLINE, SERVICE_SECONDS, Simulation
from tests.virtual_time import run_virtually, virtual_loop

AT_ONCE_FOR_A_CALLER = 0.1  # seconds
ENOUGH = 0.9  # of the capacity
PEAK = 5 * CAPACITY  # no load is higher


def arrivals(load: Callable[[float], float], end: float) -> Iterator[float]:
    """Independent callers until `end`; `load`: their rate at a moment, 1 is the capacity."""
    chance, moment = random.Random(3), 0.0  # noqa: S311
    while (moment := moment + chance.expovariate(PEAK)) < end:
        if chance.random() < load(moment) * CAPACITY / PEAK:
            yield moment


def constant(load: float) -> Callable[[float], float]:
    return lambda _: load


def growing(load: float) -> Callable[[float], float]:
    return lambda moment: min(load, load * moment / 8)


def bursty(load: float) -> Callable[[float], float]:
    """In the first quarter of each second, and nobody in the rest."""
    return lambda moment: 4 * load if moment % 1 < 0.25 else 0


@pytest.mark.parametrize("load", [0.5, 1])
@pytest.mark.parametrize("pattern", [constant, growing, bursty])
def test_whoever_can_be_served_in_time_is_served(
    pattern: Callable[[float], Callable[[float], float]], load: float
) -> None:
    simulation = Simulation(arrivals(pattern(load), 12)).run()

    assert simulation.refused() == []
    assert simulation.latest < DEADLINE


@pytest.mark.parametrize("pattern", [constant, growing])
def test_at_four_times_the_capacity_nearly_all_of_it_is_used_and_the_rest_is_refused_at_once(
    pattern: Callable[[float], Callable[[float], float]],
) -> None:
    simulation = Simulation(arrivals(pattern(4), 14)).run()

    assert simulation.goodput(8, 14) >= ENOUGH * CAPACITY
    assert simulation.most == AT_ONCE
    assert simulation.latest <= DEADLINE
    assert simulation.in_vain() == []
    assert simulation.refused_for_nothing() == []
    assert simulation.seconds_to_refuse(0) == pytest.approx(REFUSED_AFTER)
    assert simulation.seconds_to_refuse(99) <= AT_ONCE_FOR_A_CALLER


def test_without_variation_too() -> None:
    simulation = Simulation(arrivals(constant(4), 12), vary=False).run()

    assert simulation.goodput(4, 12) >= ENOUGH * CAPACITY
    assert simulation.in_vain() == []


def test_a_burst_of_four_times_what_can_be_served_is_served_as_far_as_the_time_allows() -> None:
    # Each second a whole second's work comes within a quarter of it, four times over.
    simulation = Simulation(arrivals(lambda moment: 5 if moment % 1 < 0.8 else 0, 12)).run()

    assert simulation.goodput(4, 12) >= ENOUGH * CAPACITY
    assert simulation.refused_for_nothing() == []


@pytest.mark.parametrize("load", [0.5, 1, 4])
def test_a_callee_that_becomes_five_times_slower_and_recovers_is_followed(load: float) -> None:
    simulation = Simulation(arrivals(constant(load), 24), lambda moment: 0.2 if 6 <= moment < 16 else 1).run()

    assert simulation.goodput(8, 16) >= ENOUGH * CAPACITY / 5
    assert simulation.goodput(18, 24) >= ENOUGH * min(load, 1) * CAPACITY
    assert simulation.latest <= DEADLINE
    # Those that ran when it became slow, and as many until that was noticed.
    assert len(simulation.in_vain()) <= 3 * AT_ONCE
    assert simulation.refused_for_nothing(18, 24) == []


@pytest.mark.parametrize("load", [0.5, 1, 4])
def test_a_standstill_of_a_second_costs_no_more_than_that_second(load: float) -> None:
    simulation = Simulation(arrivals(constant(load), 14), lambda moment: 0 if 6 <= moment < 7 else 1).run()

    assert simulation.goodput(7.2, 14) >= ENOUGH * min(load, 1) * CAPACITY
    assert simulation.latest <= DEADLINE
    assert len(simulation.in_vain()) <= 3 * AT_ONCE
    if load == 0.5:
        assert simulation.refused() == []


@pytest.mark.parametrize("load", [0.2, 0.4])
def test_fewer_run_at_once_where_all_of_them_together_would_all_be_too_late(load: float) -> None:
    # They share a fourteenth of the capacity: all 16 together would take more than two seconds. Later it recovers.
    simulation = Simulation(arrivals(constant(load), 30), lambda moment: 0.07 if moment < 20 else 1, shared=True).run()

    assert simulation.goodput(10, 20) >= 0.75 * 0.07 * CAPACITY
    assert simulation.goodput(24, 30) >= ENOUGH * load * CAPACITY


@pytest.mark.parametrize("capacity", [330, 264])
def test_those_who_come_back_at_once_are_all_served_if_that_fits_into_their_time(capacity: float) -> None:
    machine = BusyMachine(capacity, at_once=64).closed_loop(users=400, seconds=15)

    assert machine.refusals == []
    assert machine.goodput >= ENOUGH


@pytest.mark.parametrize(("capacity", "least"), [(240, 0.9), (221, 0.8)])
def test_refusing_some_who_come_back_at_once_does_not_take_the_machine_from_the_others(
    capacity: float, least: float
) -> None:
    machine = BusyMachine(capacity, at_once=64).closed_loop(users=400, seconds=15)

    assert machine.goodput >= least


@pytest.mark.parametrize("capacity", [330, 264])
def test_what_the_gateway_lets_in_is_served_so_that_refusals_stay_cheap(capacity: float) -> None:
    machine = BusyMachine(capacity, at_once=64, gateway=400).open_loop(rate=4 * capacity, seconds=15)

    assert max(machine.refusals) == 0
    assert machine.goodput >= ENOUGH


def test_before_anything_was_measured_everybody_is_let_in_and_refused_only_when_his_time_is_up() -> None:
    async def ask() -> tuple[list[float], set[str]]:
        admission, loop = Admission(AT_ONCE, DEADLINE), virtual_loop()
        refused: list[float] = []
        reasons: set[str] = set()

        async def call() -> None:
            try:
                await admission.enter()  # for ever
            except Overloaded as error:
                refused.append(loop.time())
                reasons.add(error.reason)

        await asyncio.gather(*(call() for _ in range(10 * AT_ONCE)))
        return refused, reasons

    refused, reasons = run_virtually(ask())

    assert refused == [DEADLINE] * 9 * AT_ONCE
    assert reasons == {"waited too long"}


async def saturate(admission: Admission, loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[None]]:
    """Callers who are served in SERVICE_SECONDS each, so many that the next would be too late."""

    async def call(delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            slot = await admission.enter()
        except Overloaded:
            return
        await asyncio.sleep(SERVICE_SECONDS)
        admission.leave(slot)

    return [asyncio.create_task(call(each / CAPACITY / 2)) for each in range(int(CAPACITY * 20))]


def test_a_refusal_says_when_somebody_who_came_now_would_be_served() -> None:
    async def ask() -> Overloaded:
        admission, loop = Admission(AT_ONCE, DEADLINE), virtual_loop()
        callers = await saturate(admission, loop)
        await asyncio.sleep(8)
        with pytest.raises(Overloaded) as refusal:
            await admission.enter()
        for caller in callers:
            caller.cancel()
        return refusal.value

    refusal = run_virtually(ask())

    assert refusal.reason == "queue too long"
    assert DEADLINE / 1.3 < refusal.retry_after < DEADLINE * 1.2


def test_the_time_for_which_a_request_waited_unseen_in_a_busy_process_counts() -> None:
    async def ask() -> float:
        admission, loop = Admission(AT_ONCE, DEADLINE), virtual_loop()
        for _ in range(50):
            admission.leave(await admission.enter())
            loop.work(0.1)
            await asyncio.sleep(0)
        slot = await admission.enter()
        return slot.deadline.left()

    assert run_virtually(ask()) == pytest.approx(DEADLINE - TURNS_BEFORE_THE_CALL * 0.1, abs=0.01)


def test_they_run_in_the_order_in_which_they_came() -> None:
    async def ask() -> list[int]:
        admission = Admission(1, DEADLINE)
        order: list[int] = []

        async def call(number: int) -> None:
            slot = await admission.enter()
            order.append(number)
            await asyncio.sleep(0.01)
            admission.leave(slot)

        await asyncio.gather(*(call(number) for number in range(20)))
        return order

    assert run_virtually(ask()) == list(range(20))


@pytest.mark.parametrize("seed", range(5))
def test_no_slot_is_lost_or_given_twice_however_callers_come_fail_and_go(seed: int) -> None:
    async def ask() -> int:
        chance = random.Random(seed)  # noqa: S311
        admission, running, most = Admission(4, 0.5), 0, 0

        async def call() -> None:
            nonlocal running, most
            slot: Slot | None = None
            try:
                slot = await admission.enter()
                running += 1
                most = max(most, running)
                await asyncio.sleep(chance.uniform(0, 0.1))
            except Overloaded:
                pass
            finally:
                if slot:
                    running -= 1
                    slot.served = chance.random() < 0.9
                    admission.leave(slot)

        calls: list[asyncio.Task[None]] = []
        for _ in range(2000):
            calls.append(asyncio.create_task(call()))
            if chance.random() < 0.3:
                chance.choice(calls).cancel()
            await asyncio.sleep(chance.choice([0, 0, 0.01, 0.05]))
        await asyncio.gather(*calls, return_exceptions=True)
        assert running == 0
        # All four slots are free again, and a fifth caller waits.
        slots = [await admission.enter() for _ in range(4)]
        fifth = asyncio.create_task(admission.enter())
        await asyncio.sleep(0)
        assert not fifth.done()
        for slot in slots:
            admission.leave(slot)
        await fifth
        return most

    assert run_virtually(ask()) == 4


def test_a_caller_who_goes_just_as_he_gets_his_slot_passes_it_on() -> None:
    async def ask() -> bool:
        admission = Admission(1, DEADLINE)
        first = await admission.enter()
        second, third = (asyncio.create_task(admission.enter()) for _ in range(2))
        await asyncio.sleep(0)
        admission.leave(first)  # now it is the second's, who has not run yet
        second.cancel()
        await asyncio.wait([third], timeout=0.1)
        return second.cancelled() and third.done()

    assert run_virtually(ask())
