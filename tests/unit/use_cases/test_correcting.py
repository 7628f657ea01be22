import pytest

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.correcting import CorrectCustomer, Correction
from tests.unit.fake_registrations import FakeCustomers
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE, YEON, Ticks

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)


def older(details: CustomerDetails) -> CustomerDetails:
    return details.model_copy(update={"customer_age": details.customer_age + 1})


def moved(details: CustomerDetails) -> CustomerDetails:
    return details.model_copy(update={"customer_address": "seoul"})


class Contested(FakeCustomers):
    """Somebody else makes the next `others` of corrections just before each write."""

    others: tuple[Correction, ...] = ()

    async def replace(self, stored: StoredCustomer, customer: Customer, event: CustomerEvent) -> None:
        if self.others:
            current = await self.find(CUSTOMER_ID)
            assert current
            other, *rest = self.others
            self.others = tuple(rest)
            corrected = current.customer.corrected(other(current.customer), START)
            await super().replace(current, corrected, CustomerEvent.updated(f"{len(rest)} left", corrected))
        await super().replace(stored, customer, event)


async def registered(others: tuple[Correction, ...] = ()) -> Contested:
    store = Contested()
    await store.add(CUSTOMER, CustomerEvent.registered("event 1", CUSTOMER), keep_answer=False)
    store.others = others
    return store


def correcting(customers: FakeCustomers) -> CorrectCustomer:
    return CorrectCustomer(customers, Ticks().now, Ticks().new_id)


async def test_a_correction_is_stored_with_its_event() -> None:
    customers = await registered()

    customer = await correcting(customers)(CUSTOMER_ID, lambda _: WITH_PHONE)

    assert customers.customers == {CUSTOMER_ID: customer}
    assert (customer.customer_phone, customer.version, customer.registered_at) == ("01023456789", 2, START)
    _, event = customers.outbox
    assert (event.type, event.data.version, event.data.customer_phone) == ("CustomerUpdated", 2, "01023456789")
    assert event.time == customer.updated_at


async def test_a_correction_that_changes_nothing_stores_and_announces_nothing() -> None:
    customers = await registered()

    customer = await correcting(customers)(CUSTOMER_ID, lambda _: YEON)

    assert customer == CUSTOMER
    assert [event.id for event in customers.outbox] == ["event 1"]


async def test_an_unknown_id_finds_nothing() -> None:
    with pytest.raises(NotFound):
        await correcting(await registered())(CustomerId("0189ee3e-0000-7000-8000-000000000001"), older)


@pytest.mark.parametrize("correction", [older, lambda details: details])
async def test_a_version_that_is_not_expected_changes_nothing(correction: Correction) -> None:
    customers = await registered()

    with pytest.raises(PreconditionFailed):
        await correcting(customers)(CUSTOMER_ID, correction, lambda version: version == 2)

    assert customers.customers == {CUSTOMER_ID: CUSTOMER}


async def test_without_an_expected_version_the_last_correction_wins_and_no_other_is_lost() -> None:
    customers = await registered((older, older))

    customer = await correcting(customers)(CUSTOMER_ID, moved)

    assert (customer.version, customer.customer_age, customer.customer_address) == (4, 22, "seoul")
    assert [event.data.version for event in customers.outbox] == [1, 2, 3, 4]


async def test_what_somebody_else_has_corrected_in_the_same_way_is_no_correction_any_more() -> None:
    customers = await registered((moved,))

    customer = await correcting(customers)(CUSTOMER_ID, moved)

    assert (customer.version, len(customers.outbox)) == (2, 2)


async def test_a_version_that_changes_meanwhile_is_not_expected_any_more() -> None:
    customers = await registered((older,))

    with pytest.raises(PreconditionFailed):
        await correcting(customers)(CUSTOMER_ID, moved, lambda version: version == 1)

    assert customers.customers[CUSTOMER_ID].customer_address == YEON.customer_address


async def test_a_customer_who_keeps_changing_is_corrected_by_trying_again_later() -> None:
    with pytest.raises(StoreUnavailable):
        await correcting(await registered((older,) * 100))(CUSTOMER_ID, moved)
