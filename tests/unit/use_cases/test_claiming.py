"""A person has at most one live registration, and is never locked out for long."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import (
    AlreadyRegistered,
    KakaoRefused,
    KakaoUnavailable,
    RegistrationEnded,
    StoreUnavailable,
)
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Registration
from tests.unit.fake_registrations import HELD_FOR
from tests.unit.use_cases.claiming_world import ANN, BEN, ClaimingWorld, Wish
from tests.unit.use_cases.postponing_ports import How
from tests.unit.use_cases.postponing_world import Operation

KEYED = Wish(key="a")
PATIENT = Wish(may_be_postponed=True)
# More calls of ports than a request makes that nothing disturbs.
MOST_CALLS = 10
FAULTS = [How.CRASH_BEFORE, How.CRASH_AFTER, How.UNAVAILABLE, How.ANSWER_LOST, How.LATER]


@pytest.fixture
def world() -> Iterator[ClaimingWorld]:
    world = ClaimingWorld()
    yield world
    world.check_one_lives()
    world.close()


def until(world: ClaimingWorld, operation: Operation, call: str) -> Operation:
    """The operation, just before this call."""
    while operation.call != call:
        world.go_on(operation)
        assert operation in world.operations, f"it never made the call {call}"
    return operation


def pending(world: ClaimingWorld, wish: Wish = PATIENT) -> CustomerId:
    """The id of a registration that kakao was too busy for."""
    operation = until(world, world.register_as(wish), "Kakao.notify_registered")
    world.go_on(operation, How.BUSY)
    answer = world.answer(operation)
    assert isinstance(answer, Registration)
    return answer.customer_id


def refusal_of(world: ClaimingWorld, wish: Wish) -> str:
    """The id of the registration because of which this is refused."""
    answer = world.answer(world.register_as(wish))
    assert isinstance(answer, AlreadyRegistered), answer
    return answer.registration_id


@pytest.mark.parametrize("ask", [ClaimingWorld.register_as, ClaimingWorld.postpone_as])
@pytest.mark.parametrize("first", [ClaimingWorld.registered, pending])
def test_a_second_registration_of_one_person_is_refused_and_tells_nobody(
    world: ClaimingWorld,
    first: Callable[[ClaimingWorld], CustomerId],
    ask: Callable[[ClaimingWorld, Wish], Operation],
) -> None:
    first_id = first(world)
    told = set(world.kakao.told)

    answer = world.answer(ask(world, Wish(may_be_postponed=True)))

    assert isinstance(answer, AlreadyRegistered)
    assert answer.registration_id == first_id
    assert world.live() == [first_id]
    assert world.kakao.told == told


def test_two_people_do_not_meet_not_even_with_the_same_key(world: ClaimingWorld) -> None:
    ann, ben = world.answer(world.register_as(KEYED)), world.answer(world.register_as(Wish(BEN, key="a")))

    assert isinstance(ann, Customer)
    assert isinstance(ben, Customer)
    assert (ann.owner, ben.owner) == (ANN, BEN)
    assert ann.customer_id != ben.customer_id


def test_without_an_owner_nothing_is_claimed_and_a_key_is_what_it_was(world: ClaimingWorld) -> None:
    nobodys = Wish(owner=None, key="a")

    operations = [world.register_as(nobodys), world.register_as(Wish(owner=None))]

    assert all(isinstance(world.answer(each), Customer) for each in operations)
    assert world.claims.writes == 0
    assert list(world.keys.reservations) == ["a"]


@pytest.mark.parametrize("is_pending", [False, True])
def test_the_key_of_a_live_registration_is_answered_as_before(world: ClaimingWorld, *, is_pending: bool) -> None:
    wish = Wish(key="a", may_be_postponed=is_pending)
    first = pending(world, wish) if is_pending else world.answer(world.register_as(wish))

    again = world.answer(world.register_as(wish))

    if is_pending:
        assert isinstance(again, Registration)
        assert again.customer_id == first
    else:
        assert again == first
    # Another key, or none, is another registration.
    assert refusal_of(world, Wish(key="b")) == refusal_of(world, Wish()) == world.live()[0]


def test_whoever_cancels_registers_again_in_the_same_moment(world: ClaimingWorld) -> None:
    for _ in range(3):
        customer_id = world.registered()
        world.end(world.cancel_as(ANN, customer_id))

    assert world.live() == []
    assert world.registered() in world.live()


@pytest.mark.parametrize("calls", range(MOST_CALLS))
@pytest.mark.parametrize("has_cancelled", [False, True])
def test_of_two_requests_at_once_one_wins(world: ClaimingWorld, calls: int, *, has_cancelled: bool) -> None:
    if has_cancelled:
        world.end(world.cancel_as(ANN, world.registered()))
    one, other = world.register_as(Wish()), world.register_as(Wish(may_be_postponed=True))
    for _ in range(calls):
        world.go_on(one)

    answers = [world.answer(other), world.answer(one)]

    [refusal] = [each for each in answers if isinstance(each, AlreadyRegistered)]
    [customer] = [each for each in answers if isinstance(each, Customer)]
    assert refusal.registration_id == customer.customer_id
    assert world.live() == [customer.customer_id]


@pytest.mark.parametrize("calls", range(5))
@pytest.mark.parametrize("before", range(MOST_CALLS))
def test_cancelling_and_registering_at_once_is_one_after_the_other(
    world: ClaimingWorld, before: int, calls: int
) -> None:
    first = world.registered()
    cancelling, registering = world.cancel_as(ANN, first), world.register_as(Wish())
    for operation, times in ((registering, before), (cancelling, calls)):
        for _ in range(times):
            world.go_on(operation)
    answer = world.answer(registering)
    world.end(cancelling)

    if isinstance(answer, AlreadyRegistered):
        assert answer.registration_id == first
        assert world.live() == []
    else:
        assert isinstance(answer, Customer)
        assert world.live() == [answer.customer_id]
    # It is over for everybody.
    assert world.live() or world.registered()


@pytest.mark.parametrize("calls", range(7))
@pytest.mark.parametrize("before", range(6))
def test_a_pending_registration_that_is_registered_at_this_moment_is_still_the_only_one(
    world: ClaimingWorld, before: int, calls: int
) -> None:
    first = pending(world)
    trying, registering = world.deliver(world.wait()), world.register_as(Wish())
    for operation, times in ((registering, before), (trying, calls)):
        for _ in range(times):
            world.go_on(operation)

    answer = world.answer(registering)
    world.end(trying)

    assert isinstance(answer, AlreadyRegistered)
    assert world.customers_of(ANN) == [first] == [answer.registration_id]


def withdrawn(world: ClaimingWorld, customer_id: CustomerId) -> None:
    world.end(world.withdraw_as(ANN, customer_id))


def refused(world: ClaimingWorld, customer_id: CustomerId) -> None:
    stored = world.partitions.registrations[customer_id]
    world.partitions.store(stored.registration.refused("no"))


def expired(world: ClaimingWorld, customer_id: CustomerId) -> None:
    world.pass_time(timedelta(hours=25))
    world.settle()
    assert world.status(customer_id) == "expired"


@pytest.mark.parametrize("end", [withdrawn, refused, expired])
def test_a_pending_registration_that_has_ended_is_in_nobodys_way(
    world: ClaimingWorld, end: Callable[[ClaimingWorld, CustomerId], None]
) -> None:
    first = pending(world)
    end(world, first)

    assert world.registered() != first


def test_a_withdrawn_registration_that_kakao_was_told_of_settles_later_and_never_lives(world: ClaimingWorld) -> None:
    operation = until(world, world.register_as(PATIENT), "Kakao.notify_registered")
    world.go_on(operation, How.ANSWER_LOST)
    answer = world.answer(operation)
    assert isinstance(answer, Registration)
    withdrawn(world, answer.customer_id)

    second = world.registered()
    world.settle()

    subjects = [event.subject for event in world.partitions.outbox]
    assert subjects.count(answer.customer_id) == 2  # registered, and cancelled
    assert world.live() == [second]


def test_what_kakao_refuses_does_not_lock_out(world: ClaimingWorld) -> None:
    assert isinstance(world.answer(world.register_as(Wish(is_blocked=True))), KakaoRefused)
    assert world.claims.claims == {}

    assert world.registered()


def test_what_kakao_has_no_time_for_does_not_lock_out(world: ClaimingWorld) -> None:
    operation = until(world, world.register_as(Wish()), "Kakao.notify_registered")
    world.go_on(operation, How.BUSY)
    assert isinstance(world.answer(operation), KakaoUnavailable)

    assert world.registered()


def test_a_claim_that_cannot_be_released_ends_by_itself(world: ClaimingWorld) -> None:
    operation = until(world, world.register_as(Wish()), "Kakao.notify_registered")
    world.go_on(operation, How.BUSY)
    world.go_on(operation, How.CRASH_BEFORE)
    assert refusal_of(world, Wish())

    world.suspend(HELD_FOR)

    assert world.registered()


@pytest.mark.parametrize("first_to_fail", [0, 1])
def test_of_two_requests_with_one_key_the_one_that_fails_takes_nothing_from_the_other(
    world: ClaimingWorld, first_to_fail: int
) -> None:
    both = [until(world, world.register_as(KEYED), "Kakao.notify_registered") for _ in range(2)]
    world.go_on(both[first_to_fail], How.BUSY)
    assert isinstance(world.answer(both[first_to_fail]), KakaoUnavailable)

    # The other has asked kakao, and knows no answer yet.
    held_by = refusal_of(world, Wish(key="b"))
    customer = world.answer(both[1 - first_to_fail])

    assert isinstance(customer, Customer)
    assert world.live() == [customer.customer_id] == [held_by]


@pytest.mark.parametrize("wish", [Wish(), KEYED, PATIENT], ids=["plain", "keyed", "patient"])
def test_what_is_to_be_stored_after_its_time_is_fenced_off(world: ClaimingWorld, wish: Wish) -> None:
    call = "FakeRegistrations.accept" if wish.may_be_postponed else "Partitions.add"
    late = until(world, world.register_as(wish), "Kakao.notify_registered")
    world.go_on(late, How.BUSY if wish.may_be_postponed else How.WELL)
    until(world, late, call)
    world.suspend(HELD_FOR)
    second = world.registered()

    answer = world.answer(late)

    assert isinstance(answer, RegistrationEnded)
    assert world.live() == [second]
    if wish.key:
        assert isinstance(world.answer(world.register_as(wish)), RegistrationEnded)


@pytest.mark.parametrize("wish", [Wish(), KEYED, PATIENT], ids=["plain", "keyed", "patient"])
def test_a_write_that_was_given_up_and_arrives_late_stores_nothing_once_somebody_else_lives(
    world: ClaimingWorld, wish: Wish
) -> None:
    call = "FakeRegistrations.accept" if wish.may_be_postponed else "Partitions.add"
    first = until(world, world.register_as(wish), "Kakao.notify_registered")
    world.go_on(first, How.BUSY if wish.may_be_postponed else How.WELL)
    until(world, first, call)
    while first in world.operations:
        world.go_on(first, How.LATER)
    assert isinstance(world.answers[id(first)], StoreUnavailable)
    # It may still arrive, so the claim is not given to anybody.
    assert refusal_of(world, Wish())

    world.suspend(HELD_FOR)
    second = world.registered()
    while world.late_calls:
        world.arrive()

    assert world.live() == [second]


@pytest.mark.parametrize("minutes", [-60, 60])
def test_however_wrong_a_clock_is_one_lives(world: ClaimingWorld, minutes: int) -> None:
    first = until(world, world.register_as(Wish()), "Partitions.add")

    answer = world.answer(world.register_as(Wish(skew=timedelta(minutes=minutes))))

    if minutes < 0:
        assert isinstance(answer, AlreadyRegistered)
        assert isinstance(world.answer(first), Customer)
    else:
        assert isinstance(answer, Customer)
        assert isinstance(world.answer(first), RegistrationEnded)


@pytest.mark.parametrize("wish", [Wish(), Wish(key="a"), Wish(may_be_postponed=True)])
@pytest.mark.parametrize("has_cancelled", [False, True])
@pytest.mark.parametrize("calls", range(MOST_CALLS))
@pytest.mark.parametrize("how", FAULTS)
def test_wherever_it_fails_the_person_is_registered_or_can_be_in_a_moment(
    how: How, calls: int, wish: Wish, *, has_cancelled: bool
) -> None:
    world = ClaimingWorld()
    if has_cancelled:
        world.end(world.cancel_as(ANN, world.registered()))
    operation = world.register_as(wish)
    for _ in range(calls):
        world.go_on(operation)
    world.go_on(operation, how)
    while operation in world.operations:
        world.go_on(operation, how if how in (How.UNAVAILABLE, How.LATER) else How.WELL)

    at_once = world.answer(world.register_as(Wish()))
    world.suspend(HELD_FOR)
    later = world.answer(world.register_as(Wish()))
    while world.late_calls:
        world.arrive()
        world.check_one_lives()

    assert isinstance(at_once, Customer | AlreadyRegistered)
    [live] = world.live()
    if isinstance(later, AlreadyRegistered):
        assert later.registration_id == live
    else:
        assert isinstance(later, Customer)
        assert later.customer_id == live
    world.close()
