"""Whatever order events come in, twice or late: after the cancellation nothing about the person is shown or kept."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.callers import Owner
from shared.domain.cancellation import Cancellation
from shared.domain.consent import REQUIRED_ITEMS, Consent
from shared.domain.customer import Customer, CustomerDetails, RememberedDetails, Signature
from shared.domain.customer_view import CustomerView, view_of
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import (
    FORGET_AFTER,
    KEPT_FOR,
    UNHANDLED_AFTER,
    message_lifetime,
    seconds_left,
    time_left,
)
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.outbox import OutboxEvent
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE

SIGNATURE = Signature(Owner("kakao:1"), Consent.given("2026-12-01", REQUIRED_ITEMS, START))
CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START, SIGNATURE)
LATER = [START + timedelta(hours=number) for number in range(3)]
CORRECTED = CUSTOMER.corrected(CUSTOMER.model_copy(update={"customer_address": "seoul"}), LATER[1])
CANCELED = CustomerEvent.canceled("event 3", CORRECTED, LATER[2])
LIVE = [CustomerEvent.registered("event 1", CUSTOMER), CustomerEvent.updated("event 2", CORRECTED)]
CANCELLATION = Cancellation.of(CANCELED, "owner.1")
SHOWN = {"customerId", "status", "version", "registeredAt", "updatedAt", "canceledAt"}
# As a version of this code stored it that forgot nobody.
UNSTRIPPED = CustomerView.from_record(CANCELED.data, status="CANCELED", canceled_at=CANCELED.time)

# What moves a view: an event, the cancellation that a timer finds, or the write model.
KNOWN = [*map(view_of, [*LIVE, CANCELED]), CustomerView.canceled(CANCELLATION), CustomerView.of(CORRECTED), UNSTRIPPED]


def moved(*known: CustomerView) -> CustomerView:
    view, *others = known
    for latest in others:
        view = view.moved_to(latest) or view
    return view


@given(st.data())
def test_once_the_cancellation_is_known_a_view_says_nothing_about_the_person(data: st.DataObject) -> None:
    known = data.draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=8))
    ends = [view_of(CANCELED), CustomerView.canceled(CANCELLATION)]
    position = data.draw(st.integers(0, len(known)))
    # A view that is stored whole is moved on, as the timer does.
    arrived = [*known[:position], data.draw(st.sampled_from(ends)), *known[position:], ends[0]]

    view = moved(*arrived)

    assert (view.status, view.version, view.canceled_at) == ("CANCELED", 3, CANCELED.time)
    assert view.to_json_object().keys() <= SHOWN


@given(st.permutations(LIVE), st.lists(st.sampled_from([*LIVE, CANCELED]), max_size=4))
def test_the_view_of_a_cancelled_customer_is_the_same_whatever_came_first(
    live: list[CustomerEvent], repeated: list[CustomerEvent]
) -> None:
    assert moved(view_of(CANCELED), *map(view_of, [*live, *repeated])) == CustomerView(
        customer_id=CUSTOMER_ID,
        status="CANCELED",
        version=3,
        registered_at=START,
        updated_at=LATER[1],
        canceled_at=LATER[2],
    )


def test_a_cancellation_knows_as_much_as_its_event() -> None:
    assert CustomerView.canceled(CANCELLATION) == view_of(CANCELED)


def test_what_is_left_of_a_message_proves_that_it_was_sent() -> None:
    request = KakaoMessageRequest.from_record(CUSTOMER, kind=MessageKind.REGISTERED)
    receipt = Receipt(provider="sandbox", receipt_id="r", status="sandboxed", text="yeon님")
    message = KakaoMessage.sent(request, receipt, START)

    forgotten = message.forgotten()

    assert forgotten.to_json_object().keys() == {"customerId", "kind", "status", "provider", "receipt", "sentAt"}
    assert forgotten.is_forgotten
    assert not message.is_forgotten
    assert forgotten.forgotten() == forgotten
    assert KakaoMessage.model_validate(forgotten.to_json_object()) == forgotten


def test_every_detail_of_a_customer_can_be_forgotten() -> None:
    assert RememberedDetails.model_fields.keys() == CustomerDetails.model_fields.keys()
    assert all(field.default is None for field in RememberedDetails.model_fields.values())


@given(st.timedeltas(timedelta(), timedelta(days=20)))
def test_however_late_something_is_copied_it_is_gone_in_time(age: timedelta) -> None:
    now = CANCELED.time + age
    gone_at = CANCELED.time + FORGET_AFTER

    copies = [
        message_lifetime(CANCELED.expires_at, now),
        time_left(CANCELED.time, KEPT_FOR, now),
        timedelta(seconds=seconds_left(CANCELED.expires_at, KEPT_FOR - UNHANDLED_AFTER, now)),
    ]

    for lifetime in copies:
        assert timedelta() < lifetime
        assert now + lifetime <= gone_at or lifetime == timedelta(seconds=1)


def test_an_event_that_is_stored_anew_expires_later_and_stays_the_same_otherwise() -> None:
    outbox = OutboxEvent.of(LIVE[0], "trace", 60)
    now = START + timedelta(days=4)

    renewed = outbox.renewed("new id", timedelta(days=5), now)

    assert (renewed.id, renewed.ttl, renewed.expires_at) == ("new id", 5 * 24 * 3600, now + UNHANDLED_AFTER)
    event = CustomerEvent.model_validate(renewed.event)
    assert event == LIVE[0].expiring(now + UNHANDLED_AFTER)
    assert OutboxEvent.read(renewed.to_json_object()) == renewed
