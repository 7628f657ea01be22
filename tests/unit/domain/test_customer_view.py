import itertools

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView, project
from shared.domain.events import CustomerEvent
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE

CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START)
REGISTERED = CustomerEvent.registered("event 1", CUSTOMER)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)


def after(*events: CustomerEvent) -> CustomerView | None:
    view: CustomerView | None = None
    for event in events:
        view = project(view, event) or view
    return view


def test_a_registration_makes_a_view() -> None:
    view = after(REGISTERED)

    assert view
    assert (view.status, view.version, view.registered_at, view.canceled_at) == ("REGISTERED", 1, START, None)
    assert view.customer_phone == WITH_PHONE.customer_phone


def test_a_cancellation_moves_the_view_forward_and_keeps_when_it_began() -> None:
    view = after(REGISTERED, CANCELED)

    assert view
    assert (view.status, view.version, view.registered_at, view.canceled_at) == ("CANCELED", 2, START, START)


def test_an_event_that_came_before_changes_nothing() -> None:
    assert project(after(REGISTERED), REGISTERED) is None
    assert project(after(REGISTERED, CANCELED), CANCELED) is None
    assert project(after(REGISTERED, CANCELED), REGISTERED) is None


@given(st.permutations([REGISTERED, CANCELED]), st.lists(st.sampled_from([REGISTERED, CANCELED]), max_size=5))
def test_any_order_and_any_repetition_leads_to_the_same_view(
    order: list[CustomerEvent], repeated: list[CustomerEvent]
) -> None:
    assert after(*order, *repeated) == after(REGISTERED, CANCELED)


def test_the_version_never_goes_back() -> None:
    for events in itertools.product([REGISTERED, CANCELED], repeat=4):
        versions = [view.version for n in range(1, 5) if (view := after(*events[:n]))]
        assert versions == sorted(versions)
