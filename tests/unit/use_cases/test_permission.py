"""What belongs to somebody else does not exist, whatever is asked of it, and however the requests interleave."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared.domain.callers import Owner, belonging_to
from shared.domain.consent import REQUIRED_ITEMS, Consent
from shared.domain.customer import Customer, Signature
from shared.domain.errors import NotFound
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Registration
from shared.use_cases.cancelling import CancelRegistration, any_version
from shared.use_cases.correcting import CorrectCustomer
from shared.use_cases.looking_up import LookUp, LookUpRegistration, Page, Position
from shared.use_cases.registrations import StoredRegistration
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from tests.unit.fake_registrations import FakeCustomers, FakeRegistrations, FakeReservations
from tests.unit.fakes import CUSTOMER_ID, LIFETIMES, START, WITH_PHONE, YEON, Ticks

OWNER = Owner("kakao:1")
SIGNATURE = Signature(OWNER, Consent.given("2026-01", REQUIRED_ITEMS, START))
CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START, SIGNATURE)
PENDING = Registration.postponed(CUSTOMER_ID, YEON, START, timedelta(days=1), SIGNATURE)
OWN = belonging_to(OWNER)
STRANGER = belonging_to(Owner("kakao:2"))


class Pages(FakeCustomers):
    async def page(self, size: int, after: Position | None) -> Page[Customer]:
        raise NotImplementedError


class Late(FakeRegistrations):
    """The first read finds nothing: the registration is stored just after it."""

    reads: int = 0

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        self.reads += 1
        return await super().find(customer_id) if self.reads > 1 else None


class UseCases:
    def __init__(self) -> None:
        ticks = Ticks()
        self.customers = Pages()
        self.registrations = FakeRegistrations(self.customers)
        self.look_up = LookUp(self.customers)
        self.look_up_registration = LookUpRegistration(self.registrations, self.customers)
        self.withdraw = WithdrawRegistration(
            self.registrations,
            self.look_up_registration,
            KeepKey(FakeReservations(), LIFETIMES),
            ticks.now,
            lambda _: None,
        )
        self.cancel = CancelRegistration(self.customers, self.withdraw, ticks.now, ticks.new_id, lambda: None)
        self.correct = CorrectCustomer(self.customers, ticks.now, ticks.new_id)


async def registered() -> UseCases:
    use_cases = UseCases()
    await use_cases.customers.add(CUSTOMER, CustomerEvent.registered("event 1", CUSTOMER), keep_answer=False)
    return use_cases


async def postponed() -> UseCases:
    use_cases = UseCases()
    await use_cases.registrations.accept(PENDING)
    return use_cases


async def ended() -> UseCases:
    use_cases = UseCases()
    use_cases.customers.store(PENDING.withdrawn(START))
    return use_cases


async def nothing() -> UseCases:
    return UseCases()


type Call = Callable[[UseCases], Awaitable[object]]

STRANGERS_CALLS: dict[str, Call] = {
    "look up the customer": lambda each: each.look_up.one(CUSTOMER_ID, STRANGER),
    "look up the registration": lambda each: each.look_up_registration.one(CUSTOMER_ID, STRANGER),
    "correct": lambda each: each.correct(CUSTOMER_ID, lambda _: WITH_PHONE, any_version, STRANGER),
    "cancel": lambda each: each.cancel(CUSTOMER_ID, any_version, STRANGER),
    "cancel in a version": lambda each: each.cancel(CUSTOMER_ID, lambda version: version == 7, STRANGER),
    "withdraw": lambda each: each.withdraw(CUSTOMER_ID, STRANGER),
}


@pytest.mark.parametrize("call", STRANGERS_CALLS.values(), ids=STRANGERS_CALLS)
@pytest.mark.parametrize("given", [registered, postponed, ended, nothing])
async def test_what_belongs_to_somebody_else_is_like_what_does_not_exist(
    given: Callable[[], Awaitable[UseCases]], call: Call
) -> None:
    use_cases = await given()
    before = (dict(use_cases.customers.customers), dict(use_cases.customers.registrations))
    with pytest.raises(NotFound) as unknown:
        await call(UseCases())

    with pytest.raises(NotFound) as refusal:
        await call(use_cases)

    assert str(refusal.value) == str(unknown.value)
    assert (use_cases.customers.customers, use_cases.customers.registrations) == before


async def test_what_is_registered_between_two_reads_is_not_shown_either() -> None:
    use_cases = await registered()
    use_cases.customers.store(Registration.answered(CUSTOMER))
    late = Late(use_cases.customers)
    withdraw = WithdrawRegistration(
        late, LookUpRegistration(late, use_cases.customers), use_cases.withdraw.keep_key, Ticks().now, lambda _: None
    )

    with pytest.raises(NotFound):
        await withdraw(CUSTOMER_ID, STRANGER)


async def test_one_who_registers_between_reading_and_withdrawing_is_not_cancelled_by_a_stranger() -> None:
    use_cases = await registered()
    use_cases.customers.store(Registration.answered(CUSTOMER))
    unseen = dict(use_cases.customers.customers)
    use_cases.customers.customers.clear()

    class Appearing(FakeRegistrations):
        async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
            use_cases.customers.customers.update(unseen)
            return await super().find(customer_id)

    withdraw = WithdrawRegistration(
        Appearing(use_cases.customers),
        use_cases.look_up_registration,
        use_cases.withdraw.keep_key,
        Ticks().now,
        lambda _: None,
    )
    cancel = CancelRegistration(use_cases.customers, withdraw, Ticks().now, Ticks().new_id, lambda: None)

    with pytest.raises(NotFound):
        await cancel(CUSTOMER_ID, any_version, STRANGER)

    assert use_cases.customers.customers == unseen


async def test_what_has_no_owner_belongs_to_no_customer() -> None:
    use_cases = UseCases()
    nobodys = Customer.register(CUSTOMER_ID, YEON, START)
    await use_cases.customers.add(nobodys, CustomerEvent.registered("event 1", nobodys), keep_answer=False)

    with pytest.raises(NotFound):
        await use_cases.look_up.one(CUSTOMER_ID, STRANGER)
    assert await use_cases.look_up.one(CUSTOMER_ID) == nobodys


async def test_an_owner_sees_corrects_and_cancels_and_the_events_say_whose_it_is() -> None:
    use_cases = await registered()

    assert await use_cases.look_up.one(CUSTOMER_ID, OWN) == CUSTOMER
    assert (await use_cases.look_up_registration.one(CUSTOMER_ID, OWN)).owner == OWNER
    await use_cases.correct(CUSTOMER_ID, lambda _: WITH_PHONE, any_version, OWN)
    await use_cases.cancel(CUSTOMER_ID, any_version, OWN)

    assert [event.type for event in use_cases.customers.outbox] == [
        "CustomerRegistered",
        "CustomerUpdated",
        "CustomerRegisterCanceled",
    ]
    assert {event.data.owner for event in use_cases.customers.outbox} == {OWNER}
    assert {event.data.consent for event in use_cases.customers.outbox} == {SIGNATURE.consent}


async def test_an_owner_withdraws_and_that_again_succeeds() -> None:
    use_cases = await postponed()

    await use_cases.withdraw(CUSTOMER_ID, OWN)
    await use_cases.withdraw(CUSTOMER_ID, OWN)

    assert (await use_cases.look_up_registration.one(CUSTOMER_ID, OWN)).status == "withdrawn"
