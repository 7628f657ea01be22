import asyncio

import pytest

from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.errors import PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.use_cases.projecting import MoveView, StoredView, UpdateView
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeMetrics, FakeViews

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)
REGISTERED = CustomerEvent.registered("event 1", CUSTOMER)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)


@pytest.mark.parametrize("order", [(REGISTERED, CANCELED), (CANCELED, REGISTERED)])
async def test_either_order_ends_in_the_same_view(order: tuple[CustomerEvent, CustomerEvent]) -> None:
    views, metrics = FakeViews(), FakeMetrics()

    for event in (*order, *order):
        await UpdateView(MoveView(views), metrics.record_age)(event)

    view = views.views[CUSTOMER.customer_id].view
    assert (view.status, view.version, view.registered_at, view.canceled_at) == ("CANCELED", 2, START, START)
    assert views.writes == 2
    # A repeated event changes nothing, and its age says nothing.
    assert metrics.events == [event.time for event in order]


async def test_both_at_once_end_in_the_same_view() -> None:
    class SlowViews(FakeViews):
        async def find(self, customer_id: CustomerId) -> StoredView | None:
            found = await super().find(customer_id)
            await asyncio.sleep(0)
            return found

    views = SlowViews()
    update = UpdateView(MoveView(views), FakeMetrics().record_age)

    await asyncio.gather(*(update(event) for event in (CANCELED, REGISTERED, CANCELED, REGISTERED)))

    view = views.views[CUSTOMER.customer_id].view
    assert (view.status, view.registered_at) == ("CANCELED", START)


async def test_an_event_that_loses_every_race_fails_and_its_age_is_not_recorded() -> None:
    class ContestedViews(FakeViews):
        async def replace(self, stored: StoredView, view: CustomerView) -> None:
            raise PreconditionFailed

    views, metrics = ContestedViews(), FakeMetrics()
    update = UpdateView(MoveView(views), metrics.record_age)
    await update(REGISTERED)

    with pytest.raises(StoreUnavailable):
        await update(CANCELED)

    assert metrics.events == [REGISTERED.time]
