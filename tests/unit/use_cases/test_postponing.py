"""Postponed registrations and their attempts, one course of events at a time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.registration import FIRST_PAUSE, JITTER
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import BLOCKED, How
from tests.unit.use_cases.postponing_steps import DAY, postponed, registration_of, run, run_until
from tests.unit.use_cases.postponing_world import World

LONGEST_FIRST_PAUSE = timedelta(seconds=FIRST_PAUSE * JITTER[1])


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_what_kakao_does_not_take_is_pending_and_its_attempt_in_the_outbox(world: World) -> None:
    customer_id = postponed(world)

    registration = registration_of(world, customer_id)
    assert registration.is_pending
    assert registration.details == YEON
    assert [attempt.message_id for attempt in world.partitions.attempts] == [f"{customer_id}.1"]
    assert world.partitions.customers == {}
    assert (world.metrics.postponed, world.metrics.refusals) == (1, [])


def test_without_the_preference_nothing_is_postponed(world: World) -> None:
    run(world, world.ask(YEON, None, may_be_postponed=False), How.BUSY)

    assert world.partitions.registrations == {}
    assert world.metrics.refusals == ["KakaoBusy"]


@pytest.mark.parametrize(
    ("how", "key", "may_be_told"),
    [(How.BUSY, None, False), (How.UNAVAILABLE, None, True), (How.ANSWER_LOST, None, True), (How.BUSY, "a", True)],
)
def test_it_is_remembered_whether_kakao_may_have_told(
    world: World, how: How, key: str | None, *, may_be_told: bool
) -> None:
    """With a key, another request may be asking kakao at this moment."""
    assert registration_of(world, postponed(world, key, how)).may_be_told == may_be_told


def test_the_attempt_registers_the_customer_and_ends_the_registration(world: World) -> None:
    customer_id = postponed(world)

    run(world, world.deliver(world.wait()))

    registration = registration_of(world, customer_id)
    assert registration.customer == world.partitions.customers[customer_id]
    assert (registration.status, registration.details, registration.due_at) == ("registered", None, None)
    assert world.queue.messages == {}
    assert (world.metrics.tries, world.metrics.ended) == (["registered"], ["registered"])
    assert world.metrics.registered_after == [registration.accepted_at]


@pytest.mark.parametrize(("how", "outcome"), [(How.BUSY, "busy"), (How.UNAVAILABLE, "unavailable")])
def test_a_try_that_kakao_does_not_take_sends_the_next_attempt(world: World, how: How, outcome: str) -> None:
    customer_id = postponed(world)
    operation = world.deliver(world.wait())

    run_until(world, operation, "Kakao.notify_registered", how)
    run(world, operation)

    assert list(world.queue.messages) == [f"{customer_id}.2"]
    assert world.metrics.tries == [outcome]
    assert registration_of(world, customer_id).may_be_told == (how is How.UNAVAILABLE)


def test_what_kakao_may_have_been_told_before_is_not_forgotten_when_it_is_busy(world: World) -> None:
    customer_id = postponed(world, how=How.UNAVAILABLE)
    operation = world.deliver(world.wait())

    run_until(world, operation, "Kakao.notify_registered", How.BUSY)
    run(world, operation)

    assert registration_of(world, customer_id).may_be_told


def test_one_that_kakao_is_too_busy_for_is_tried_soon_however_often_that_happens(world: World) -> None:
    customer_id = postponed(world)
    for _ in range(8):
        operation = world.deliver(world.wait())
        run_until(world, operation, "Kakao.notify_registered", How.BUSY)
        run(world, operation)

    live = registration_of(world, customer_id).next_attempt
    assert live == world.queue.messages[f"{customer_id}.9"]
    assert live.due_at - world.now <= LONGEST_FIRST_PAUSE


def test_while_the_circuit_is_open_nothing_is_claimed(world: World) -> None:
    customer_id = postponed(world)
    world.kakao.is_away = True

    run(world, world.deliver(world.wait()))

    assert not registration_of(world, customer_id).may_be_told
    assert list(world.queue.messages) == [f"{customer_id}.2"]
    assert world.metrics.tries == ["unavailable"]


def test_a_late_copy_of_an_attempt_does_nothing(world: World) -> None:
    customer_id = postponed(world)
    first = world.wait()
    world.kakao.is_away = True
    run(world, world.deliver(first))
    before = registration_of(world, customer_id)
    world.kakao.is_away = False

    run(world, world.deliver(first))

    assert registration_of(world, customer_id) == before
    assert world.metrics.tries == ["unavailable", "stale"]


def test_a_copy_that_comes_after_a_crash_sends_the_attempt_that_was_not_sent(world: World) -> None:
    customer_id = postponed(world)
    first = world.wait()
    world.kakao.is_away = True
    run_until(world, world.deliver(first), "Queue.send", How.CRASH_BEFORE)
    assert f"{customer_id}.2" not in world.queue.messages

    run(world, world.deliver(first))

    assert f"{customer_id}.2" in world.queue.messages


def test_a_copy_that_comes_very_late_sends_nothing(world: World) -> None:
    customer_id = postponed(world)
    first = world.wait()
    world.kakao.is_away = True
    run(world, world.deliver(first))
    sent = list(world.queue.ever)
    world.pass_time(timedelta(minutes=11))

    run(world, world.deliver(first))

    assert world.queue.ever == sent
    assert registration_of(world, customer_id).attempt == 2


def test_who_is_a_customer_already_is_not_stored_twice(world: World) -> None:
    """A version that knows nothing of postponing has registered the customer with the same key."""
    customer_id = postponed(world)
    attempt = world.wait()
    details = registration_of(world, customer_id).details
    assert details
    world.partitions.customers[customer_id] = Customer.register(customer_id, details, world.now)

    run(world, world.deliver(attempt))

    assert registration_of(world, customer_id).status == "registered"
    assert not [event for event in world.partitions.outbox if event.subject == customer_id]


def test_of_two_copies_at_once_one_is_tried(world: World) -> None:
    postponed(world)
    attempt = world.wait()
    first, second = world.deliver(attempt), world.deliver(attempt)

    while world.operations:
        world.go_on(first)
        world.go_on(second)

    assert sorted(world.metrics.tries) == ["registered", "stale"]


def test_a_refusal_ends_it_and_says_why(world: World) -> None:
    run(world, world.ask_when_refused(BLOCKED, None))
    run(world, world.deliver(world.wait()))

    (stored,) = world.partitions.registrations.values()
    assert (stored.registration.status, stored.registration.reason) == ("refused", "no")
    assert world.metrics.ended == ["refused"]


def test_a_refusal_after_an_unknown_outcome_asks_whom_kakao_told(world: World) -> None:
    customer_id = postponed(world, how=How.ANSWER_LOST)
    attempt = world.wait()
    world.partitions.store(
        registration_of(world, customer_id).model_copy(update={"details": BLOCKED, "tried_at": world.now - DAY})
    )

    run(world, world.deliver(attempt))

    assert world.status(customer_id) == "registered"
