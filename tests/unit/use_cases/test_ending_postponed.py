"""How postponed registrations end: expired, withdrawn or registered, whatever fails on the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.errors import DomainError, TooLateToWithdraw
from shared.domain.identifiers import CustomerId
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import How
from tests.unit.use_cases.postponing_steps import DAY, postponed, registration_of, run, run_until
from tests.unit.use_cases.postponing_world import World

# More than any step has.
MOST_CALLS = 7
FAULTS = [How.CRASH_BEFORE, How.CRASH_AFTER, How.UNAVAILABLE, How.ANSWER_LOST]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.mark.parametrize(("how", "status"), [(How.UNAVAILABLE, "expired"), (How.ANSWER_LOST, "registered")])
def test_after_its_lifetime_kakao_is_asked_before_it_expires(world: World, how: How, status: str) -> None:
    customer_id = postponed(world, how=how)
    attempt = world.wait()
    world.pass_time(DAY)

    run(world, world.deliver(attempt))

    assert world.status(customer_id) == status
    assert world.metrics.ended == [status]


def test_while_kakao_cannot_be_asked_it_does_not_expire(world: World) -> None:
    customer_id = postponed(world, "a", how=How.ANSWER_LOST)
    attempt = world.wait()
    world.pass_time(DAY)
    world.kakao.is_away = True

    run(world, world.deliver(attempt))

    assert world.status(customer_id) == "pending"
    assert list(world.queue.messages) == [f"{customer_id}.2"]


def test_it_is_too_early_to_ask_just_after_a_try(world: World) -> None:
    customer_id = postponed(world, how=How.LATER)
    run(world, world.delete_registration(customer_id))

    run(world, world.deliver(world.wait()))
    assert world.metrics.tries == ["too-early"]
    run(world, world.deliver(world.wait()))

    events = [event.type for event in world.partitions.outbox]
    assert events == ["CustomerRegistered", "CustomerRegisterCanceled"]


def test_the_sweep_ends_what_is_over_and_certainly_not_told(world: World) -> None:
    certain = postponed(world)
    world.pass_time(DAY - timedelta(seconds=1))
    run(world, world.sweep())
    assert world.status(certain) == "pending"
    world.pass_time(timedelta(seconds=1))

    run(world, world.sweep())

    assert world.status(certain) == "expired"
    assert world.metrics.ended == ["expired"]


def test_the_sweep_does_not_end_what_kakao_may_have_been_told(world: World) -> None:
    customer_id = postponed(world, how=How.UNAVAILABLE)
    world.pass_time(DAY)

    run(world, world.sweep())

    assert world.status(customer_id) == "pending"


@pytest.mark.parametrize(("how", "age"), [(How.UNAVAILABLE, DAY), (How.BUSY, DAY - timedelta(seconds=1))])
def test_what_is_found_to_expire_is_looked_at_again(world: World, how: How, age: timedelta) -> None:
    stored = world.partitions.registrations[postponed(world, how=how)]
    world.pass_time(age)

    async def expire() -> None:
        assert not await world.keep.expire(stored)

    run(world, world.start("expire", expire))


def test_the_sweep_renews_what_has_no_message(world: World) -> None:
    customer_id = postponed(world)
    world.partitions.attempts.clear()
    world.pass_time(timedelta(minutes=11))

    run(world, world.sweep())

    assert list(world.queue.messages) == [f"{customer_id}.2"]
    run(world, world.deliver(world.wait()))
    assert world.status(customer_id) == "registered"


@pytest.mark.parametrize("by_customer_id", [False, True])
@pytest.mark.parametrize(
    ("how", "left_to_do", "events"),
    [
        (How.BUSY, False, []),
        (How.UNAVAILABLE, True, []),
        (How.ANSWER_LOST, True, ["CustomerRegistered", "CustomerRegisterCanceled"]),
    ],
)
def test_a_withdrawal_is_seen_at_once_and_who_was_told_gets_the_cancellation(
    world: World, how: How, events: list[str], *, left_to_do: bool, by_customer_id: bool
) -> None:
    customer_id = postponed(world, how=how)
    delete = world.delete_customer if by_customer_id else world.delete_registration

    run(world, delete(customer_id))
    registration = registration_of(world, customer_id)
    assert registration.status == "withdrawn"
    assert (registration.due_at is not None, registration.details is not None) == (left_to_do, left_to_do)
    world.settle()

    assert [event.type for event in world.partitions.outbox] == events
    assert registration_of(world, customer_id).details is None
    assert customer_id in world.seen.gone
    assert world.metrics.ended == ["withdrawn"]
    world.check_in_the_end()


@pytest.mark.parametrize("call", ["FakeRegistrations.replace", "Kakao.notify_registered", "FakeRegistrations.settle"])
def test_a_withdrawal_that_races_with_the_success_has_one_outcome(world: World, call: str) -> None:
    """It is answered just before this call of the attempt."""
    customer_id = postponed(world)
    operation = world.deliver(world.wait())
    while operation.call != call:
        world.go_on(operation)

    run(world, world.delete_registration(customer_id))
    run(world, operation)
    world.settle()

    assert customer_id in world.seen.gone
    assert world.status(customer_id) == "withdrawn"
    world.check_in_the_end()


def test_what_was_told_before_a_crash_is_cancelled_when_it_is_withdrawn_even_a_day_later(world: World) -> None:
    """A crash between the answer of kakao and settling, then DELETE, and then 24 hours."""
    customer_id = postponed(world)
    operation = world.deliver(world.wait())
    run_until(world, operation, "Kakao.notify_registered")
    world.kill(operation)
    assert customer_id in world.kakao.told

    run(world, world.delete_registration(customer_id))
    world.pass_time(DAY)
    world.settle()

    assert world.status(customer_id) == "withdrawn"
    assert [event.type for event in world.partitions.outbox] == ["CustomerRegistered", "CustomerRegisterCanceled"]
    world.check_in_the_end()


def test_what_was_told_before_a_crash_is_registered_although_a_day_has_passed(world: World) -> None:
    customer_id = postponed(world)
    operation = world.deliver(world.wait())
    run_until(world, operation, "Kakao.notify_registered")
    world.kill(operation)

    world.pass_time(DAY)
    world.settle()

    assert world.status(customer_id) == "registered"
    world.check_in_the_end()


def test_only_a_pending_one_can_be_withdrawn(world: World) -> None:
    customer_id = postponed(world)
    world.settle()
    errors: list[object] = []

    async def work() -> None:
        try:
            await world.withdraw(customer_id)
        except DomainError as error:
            errors.append(error)

    run(world, world.start("withdraw", work))

    assert [type(error) for error in errors] == [TooLateToWithdraw]
    assert customer_id in world.partitions.customers


@pytest.mark.parametrize("how", [*FAULTS, How.LATER])
@pytest.mark.parametrize("end", ["settle", "withdraw", "cancel", "expire"])
@pytest.mark.parametrize("step", ["accept", "try", "ask"])
def test_each_step_may_fail_at_each_call(step: str, end: str, how: How) -> None:
    """Accepting, an attempt, or the attempt of one that is withdrawn; then it ends in each way."""
    for key in (None, "a"):
        for nth in range(MOST_CALLS):
            world = World()
            fail(world, step, key, [How.WELL] * nth + [how])
            for customer_id in map(CustomerId, list(world.partitions.registrations)):
                if end == "withdraw":
                    run(world, world.delete_registration(customer_id))
                if end == "cancel":
                    run(world, world.delete_customer(customer_id))
            if end == "expire":
                world.pass_time(DAY)
            world.settle()

            world.check_in_the_end()
            world.close()


def fail(world: World, step: str, key: str | None, hows: list[How]) -> None:
    """One step whose calls go like this."""
    if step == "accept":
        run(world, world.ask(YEON, key, may_be_postponed=True), *hows)
        return
    customer_id = postponed(world, key, How.ANSWER_LOST if step == "ask" else How.BUSY)
    if step == "ask":
        run(world, world.delete_registration(customer_id))
        world.pass_time(timedelta(seconds=31))
    run(world, world.deliver(world.wait()), *hows)
