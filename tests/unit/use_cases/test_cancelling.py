import pytest

from shared.domain.customer import Customer
from shared.domain.errors import NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.use_cases.cancelling import CancelRegistration, StoredCustomer
from shared.use_cases.looking_up import LookUpRegistration
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from tests.unit.fake_registrations import FakeCustomers, FakeRegistrations, FakeReservations
from tests.unit.fakes import CUSTOMER_ID, LIFETIMES, START, YEON, FakeMetrics, Ticks

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)


@pytest.fixture
async def customers() -> FakeCustomers:
    store = FakeCustomers()
    await store.add(CUSTOMER, CustomerEvent.registered("event 1", CUSTOMER), keep_answer=False)
    return store


def cancelling(customers: FakeCustomers, metrics: FakeMetrics | None = None) -> CancelRegistration:
    metrics, registrations, clock = metrics or FakeMetrics(), FakeRegistrations(customers), Ticks().now
    withdraw = WithdrawRegistration(
        registrations,
        LookUpRegistration(registrations, customers),
        KeepKey(FakeReservations(), LIFETIMES),
        clock,
        metrics.count_ended,
    )
    return CancelRegistration(customers, withdraw, clock, Ticks().new_id, metrics.count_cancellation)


async def test_cancelling_deletes_the_customer_announces_it_and_is_counted(customers: FakeCustomers) -> None:
    metrics = FakeMetrics()

    await cancelling(customers, metrics)(CUSTOMER.customer_id)

    assert customers.customers == {}
    assert [(event.type, event.data.version) for event in customers.outbox] == [
        ("CustomerRegistered", 1),
        ("CustomerRegisterCanceled", 2),
    ]
    assert metrics.cancellations == 1


async def test_cancelling_twice_finds_nothing_and_announces_nothing(customers: FakeCustomers) -> None:
    await cancelling(customers)(CUSTOMER.customer_id)

    metrics = FakeMetrics()
    with pytest.raises(NotFound):
        await cancelling(customers, metrics)(CUSTOMER.customer_id)

    assert len(customers.outbox) == 2
    assert metrics.cancellations == 0


async def test_an_unknown_id_finds_nothing(customers: FakeCustomers) -> None:
    with pytest.raises(NotFound):
        await cancelling(customers)(CustomerId("0189ee3e-0000-7000-8000-000000000001"))


async def test_a_version_that_is_not_expected_changes_nothing(customers: FakeCustomers) -> None:
    with pytest.raises(PreconditionFailed):
        await cancelling(customers)(CUSTOMER.customer_id, lambda version: version == 2)

    assert CUSTOMER.customer_id in customers.customers


async def test_a_change_between_reading_and_removing_does_not_prevent_cancelling(customers: FakeCustomers) -> None:
    class ChangedOnce(FakeCustomers):
        changes = 1

        async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
            if self.changes:
                self.changes -= 1
                raise PreconditionFailed
            await super().remove(stored, event)

    contested = ChangedOnce(customers.customers)

    await cancelling(contested)(CUSTOMER.customer_id)

    assert contested.customers == {}


async def test_a_customer_who_keeps_changing_is_cancelled_by_trying_again_later(customers: FakeCustomers) -> None:
    class AlwaysChanging(FakeCustomers):
        async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
            raise PreconditionFailed

    # Not 412: the request has no precondition.
    with pytest.raises(StoreUnavailable):
        await cancelling(AlwaysChanging(customers.customers))(CUSTOMER.customer_id)
