import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView, view_of
from shared.domain.events import CustomerEvent
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE

CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START)
REGISTERED = CustomerEvent.registered("event 1", CUSTOMER)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)

LATER = [START + timedelta(minutes=number) for number in range(4)]
OLDER = CUSTOMER.corrected(CUSTOMER.model_copy(update={"customer_age": 21}), LATER[1])
WITHOUT_PHONE = OLDER.corrected(OLDER.model_copy(update={"customer_phone": None}), LATER[2])
CORRECTED_AND_CANCELED = [
    REGISTERED,
    CustomerEvent.updated("event 2", OLDER),
    CustomerEvent.updated("event 3", WITHOUT_PHONE),
    CustomerEvent.canceled("event 4", WITHOUT_PHONE, LATER[3]),
]


def project(view: CustomerView | None, event: CustomerEvent) -> CustomerView | None:
    """The view after `event`, or None if that changes nothing."""
    return view.moved_to(view_of(event)) if view else view_of(event)


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


def test_a_correction_moves_the_view_forward_and_what_it_removes_is_gone() -> None:
    view = after(*CORRECTED_AND_CANCELED[:3])

    assert view
    assert (view.status, view.version, view.customer_age, view.customer_phone) == ("REGISTERED", 3, 21, None)
    assert (view.registered_at, view.updated_at, view.canceled_at) == (START, LATER[2], None)


def test_a_correction_that_comes_first_does_not_know_when_the_customer_registered() -> None:
    first = after(CORRECTED_AND_CANCELED[1])
    both = after(CORRECTED_AND_CANCELED[1], REGISTERED)

    assert first
    assert (first.status, first.customer_age, first.registered_at) == ("REGISTERED", 21, None)
    assert both == first.model_copy(update={"registered_at": START})


@given(data=st.data())
def test_corrections_in_any_order_and_number_lead_to_the_same_view(data: st.DataObject) -> None:
    happened = CORRECTED_AND_CANCELED[: data.draw(st.integers(1, len(CORRECTED_AND_CANCELED)))]
    arrived = data.draw(st.permutations(happened + data.draw(st.lists(st.sampled_from(happened), max_size=5))))

    assert after(*arrived) == after(*happened)
    versions = [view.version for number in range(len(arrived)) if (view := after(*arrived[: number + 1]))]
    assert versions == sorted(versions)


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
