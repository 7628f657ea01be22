"""Postponed registrations, one course of events at a time; each call of a port may fail."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import DomainError, IdempotencyKeyReused, RegistrationEnded, TooLateToWithdraw
from shared.domain.identifiers import CustomerId
from shared.domain.registration import FIRST_PAUSE, JITTER, Registration
from shared.use_cases.deadline import Deadline
from shared.use_cases.postponing import RegistrationRequest
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_world import BLOCKED, How, Operation, World

DAY = timedelta(hours=24)
LONGEST_FIRST_PAUSE = timedelta(seconds=FIRST_PAUSE * JITTER[1])
# More than any step has.
MOST_CALLS = 7
FAULTS = [How.CRASH_BEFORE, How.CRASH_AFTER, How.UNAVAILABLE, How.ANSWER_LOST]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def run(world: World, operation: Operation, *hows: How) -> None:
    """The calls of the operation go like this, and those after them well."""
    for how in hows:
        world.go_on(operation, how)
    while operation in world.operations:
        world.go_on(operation)


def run_until(world: World, operation: Operation, call: str, how: How = How.WELL) -> None:
    """Up to this call, which goes like this."""
    while operation.call != call:
        world.go_on(operation)
    world.go_on(operation, how)


def postponed(world: World, key: str | None = None, how: How = How.BUSY) -> CustomerId:
    """The id of a registration that kakao did not take at first."""
    operation = world.ask(YEON, key, may_be_postponed=True)
    run_until(world, operation, "Kakao.notify_registered", how)
    run(world, operation)
    return CustomerId(next(iter(world.partitions.registrations)))


def registration_of(world: World, customer_id: CustomerId) -> Registration:
    return world.partitions.registrations[customer_id].registration


def answer(world: World, key: str, details: object = YEON) -> object:
    """What the same key is answered now, or the error."""
    answers: list[object] = []

    async def work() -> None:
        try:
            request = RegistrationRequest(YEON if details is YEON else BLOCKED, key)
            answers.append(await world.register(request, Deadline.after(2)))
        except DomainError as error:
            answers.append(error)

    run(world, world.start("again", work))
    return answers[0]


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


def test_the_same_key_is_answered_by_what_became_of_it(world: World) -> None:
    customer_id = postponed(world, "a")

    assert answer(world, "a") == registration_of(world, customer_id)
    assert isinstance(answer(world, "a", BLOCKED), IdempotencyKeyReused)
    world.settle()
    assert answer(world, "a") == world.partitions.customers[customer_id]


def test_the_key_of_a_withdrawn_one_says_so(world: World) -> None:
    customer_id = postponed(world, "a")
    run(world, world.delete_registration(customer_id))

    ended = answer(world, "a")

    assert isinstance(ended, RegistrationEnded)
    assert ended.status == "withdrawn"


def test_the_key_lives_a_day_beyond_the_end_of_a_registration_that_ends_late(world: World) -> None:
    customer_id = postponed(world, "a", how=How.UNAVAILABLE)
    attempt = world.wait()
    world.pass_time(DAY + timedelta(hours=20))
    run(world, world.deliver(attempt))
    assert world.status(customer_id) == "expired"

    world.pass_time(DAY - timedelta(seconds=1))
    assert isinstance(answer(world, "a"), RegistrationEnded)


def test_a_key_that_first_came_without_the_preference_lives_as_long(world: World) -> None:
    run(world, world.ask(YEON, "a", may_be_postponed=False), How.WELL, How.BUSY)
    customer_id = postponed(world, "a", how=How.UNAVAILABLE)

    world.pass_time(2 * DAY - timedelta(minutes=1))

    assert answer(world, "a") == registration_of(world, customer_id)


def test_as_long_as_there_is_a_key_there_is_its_answer(world: World) -> None:
    """Else the same request would register a customer again who has cancelled."""
    run(world, world.ask(YEON, "a", may_be_postponed=True))
    (customer_id,) = world.partitions.customers
    run(world, world.delete_customer(CustomerId(customer_id)))

    for _ in range(4):
        world.pass_time(timedelta(hours=13))
        run(world, world.ask(YEON, "a", may_be_postponed=True))
        assert customer_id not in world.partitions.customers


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
