import asyncio

import pytest

from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.errors import PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.use_cases.projecting import StoredView, UpdateView
from tests.unit.fakes import START, YEON, FakeViews

CUSTOMER = Customer.register("0189ee3e-0000-7000-8000-000000000000", YEON, START)
REGISTERED = CustomerEvent.registered("event 1", CUSTOMER)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)


@pytest.mark.parametrize("order", [(REGISTERED, CANCELED), (CANCELED, REGISTERED)])
async def test_either_order_ends_in_the_same_view(order: tuple[CustomerEvent, CustomerEvent]) -> None:
    views = FakeViews()

    for event in (*order, *order):
        await UpdateView(views)(event)

    view = views.views[CUSTOMER.customer_id].view
    assert (view.status, view.version, view.registered_at, view.canceled_at) == ("CANCELED", 2, START, START)
    assert views.writes == 2


async def test_both_at_once_end_in_the_same_view() -> None:
    class SlowViews(FakeViews):
        async def find(self, customer_id: str) -> StoredView | None:
            found = await super().find(customer_id)
            await asyncio.sleep(0)
            return found

    views = SlowViews()
    update = UpdateView(views)

    await asyncio.gather(*(update(event) for event in (CANCELED, REGISTERED, CANCELED, REGISTERED)))

    view = views.views[CUSTOMER.customer_id].view
    assert (view.status, view.registered_at) == ("CANCELED", START)


async def test_a_race_that_is_lost_for_ever_gives_up_and_lets_the_event_come_again() -> None:
    class ContestedViews(FakeViews):
        async def replace(self, stored: StoredView, view: CustomerView) -> None:
            raise PreconditionFailed

    views = ContestedViews()
    await UpdateView(views)(REGISTERED)

    with pytest.raises(StoreUnavailable):
        await UpdateView(views)(CANCELED)
