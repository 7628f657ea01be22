import pytest

from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxEvent
from shared.use_cases.publishing import PublishOutbox, read_outbox
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeMetrics, FakePublisher

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)
EVENTS = [
    OutboxEvent.of(event, traceparent=None, ttl=60)
    for event in (CustomerEvent.registered("1", CUSTOMER), CustomerEvent.canceled("2", CUSTOMER, START))
]


async def test_events_are_published_in_order_and_their_ages_recorded() -> None:
    publisher, metrics = FakePublisher(), FakeMetrics()

    await PublishOutbox(publisher, metrics.record_age)(EVENTS)

    assert publisher.published == EVENTS
    assert metrics.events == [START, START]


async def test_without_events_nothing_is_called() -> None:
    publisher, metrics = FakePublisher(PublisherUnavailable("down", 1)), FakeMetrics()

    await PublishOutbox(publisher, metrics.record_age)([])

    assert metrics.events == []


async def test_an_age_is_not_recorded_while_the_broker_is_unavailable() -> None:
    publisher, metrics = FakePublisher(PublisherUnavailable("down", 1)), FakeMetrics()

    with pytest.raises(PublisherUnavailable):
        await PublishOutbox(publisher, metrics.record_age)(EVENTS)

    assert metrics.events == []


def test_outbox_events_are_read_in_their_order_and_other_documents_left_out() -> None:
    first, second = (event.to_json_object() for event in EVENTS)
    others = [{"id": kind, "type": kind.value} for kind in DocumentKind if kind is not DocumentKind.EVENT]

    events = read_outbox([first, *others, second])

    assert events == EVENTS


def test_an_unreadable_outbox_document_is_logged_without_its_content_and_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unreadable: dict[str, object] = {"id": "bad", "type": "event", "event": {"data": "홍길동"}}

    events = read_outbox([unreadable, EVENTS[0].to_json_object()])

    assert events == [EVENTS[0]]
    assert "outbox document bad is not an event" in caplog.text
    assert "홍길동" not in caplog.text
