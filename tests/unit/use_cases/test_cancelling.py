import pytest

from shared.domain.customer import Customer
from shared.domain.errors import NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.use_cases.cancelling import CancelRegistration, StoredCustomer
from tests.unit.fakes import START, YEON, FakeCustomers, Ticks

CUSTOMER = Customer.register("0189ee3e-0000-7000-8000-000000000000", YEON, START)


@pytest.fixture
async def customers() -> FakeCustomers:
    store = FakeCustomers()
    await store.add(CUSTOMER, CustomerEvent.registered("event 1", CUSTOMER), keep_answer=False)
    return store


def cancelling(customers: FakeCustomers) -> CancelRegistration:
    return CancelRegistration(customers, Ticks().now, Ticks().new_id)


async def test_cancelling_deletes_the_customer_and_announces_it(customers: FakeCustomers) -> None:
    await cancelling(customers)(CUSTOMER.customer_id)

    assert customers.customers == {}
    assert [(event.type, event.data.version) for event in customers.outbox] == [
        ("CustomerRegistered", 1),
        ("CustomerRegisterCanceled", 2),
    ]


async def test_cancelling_twice_finds_nothing_and_announces_nothing(customers: FakeCustomers) -> None:
    await cancelling(customers)(CUSTOMER.customer_id)

    with pytest.raises(NotFound):
        await cancelling(customers)(CUSTOMER.customer_id)

    assert len(customers.outbox) == 2


@pytest.mark.parametrize("customer_id", ["", "1", "../x", "0189ee3e-0000-7000-8000-000000000001", "x" * 5000])
async def test_an_unknown_id_finds_nothing(customers: FakeCustomers, customer_id: str) -> None:
    with pytest.raises(NotFound):
        await cancelling(customers)(customer_id)


async def test_another_version_than_expected_changes_nothing(customers: FakeCustomers) -> None:
    with pytest.raises(PreconditionFailed):
        await cancelling(customers)(CUSTOMER.customer_id, expected_versions=frozenset({2}))

    assert CUSTOMER.customer_id in customers.customers


async def test_a_change_between_reading_and_removing_does_not_keep_from_cancelling(customers: FakeCustomers) -> None:
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
