from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxAttempt, OutboxEvent
from shared.domain.registration import Attempt
from shared.use_cases.publishing import Outbox, PublishOutbox, read_outbox
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeMetrics, FakePublisher

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)
EVENTS = [
    OutboxEvent.of(event, traceparent=None, ttl=60)
    for event in (CustomerEvent.registered("1", CUSTOMER), CustomerEvent.canceled("2", CUSTOMER, START))
]


ATTEMPT = OutboxAttempt.of(Attempt(customer_id=CUSTOMER_ID, number=1, due_at=START), traceparent=None, ttl=60)


@dataclass
class FakeScheduler:
    failure: PublisherUnavailable | None = None
    sent: list[OutboxAttempt] = field(default_factory=list)

    async def send_from_outbox(self, entries: Sequence[OutboxAttempt]) -> None:
        if self.failure:
            raise self.failure
        self.sent += entries


async def test_events_are_published_in_order_and_their_ages_recorded() -> None:
    publisher, metrics = FakePublisher(), FakeMetrics()

    await PublishOutbox(publisher, FakeScheduler(), metrics.record_age)(Outbox(EVENTS))

    assert publisher.published == EVENTS
    assert metrics.events == [START, START]


async def test_attempts_go_to_their_queue_and_never_to_the_topic() -> None:
    publisher, scheduler = FakePublisher(), FakeScheduler()

    await PublishOutbox(publisher, scheduler, FakeMetrics().record_age)(Outbox(EVENTS, [ATTEMPT]))

    assert publisher.published == EVENTS
    assert scheduler.sent == [ATTEMPT]


@pytest.mark.parametrize(
    ("publisher", "scheduler"),
    [
        (FakePublisher(PublisherUnavailable("down", 1)), FakeScheduler()),
        (FakePublisher(), FakeScheduler(PublisherUnavailable("down", 1))),
    ],
)
async def test_if_either_is_unavailable_all_come_again(publisher: FakePublisher, scheduler: FakeScheduler) -> None:
    with pytest.raises(PublisherUnavailable):
        await PublishOutbox(publisher, scheduler, FakeMetrics().record_age)(Outbox(EVENTS, [ATTEMPT]))


async def test_without_events_nothing_is_called() -> None:
    publisher, metrics = FakePublisher(PublisherUnavailable("down", 1)), FakeMetrics()

    scheduler = FakeScheduler(PublisherUnavailable("down", 1))
    await PublishOutbox(publisher, scheduler, metrics.record_age)(Outbox([]))

    assert metrics.events == []


async def test_an_age_is_not_recorded_while_the_broker_is_unavailable() -> None:
    publisher, metrics = FakePublisher(PublisherUnavailable("down", 1)), FakeMetrics()

    with pytest.raises(PublisherUnavailable):
        await PublishOutbox(publisher, FakeScheduler(), metrics.record_age)(Outbox(EVENTS))

    assert metrics.events == []


def test_events_and_attempts_are_read_in_their_order_and_other_documents_left_out() -> None:
    first, second = (event.to_json_object() for event in EVENTS)
    ours = (DocumentKind.EVENT, DocumentKind.ATTEMPT)
    others = [{"id": kind, "type": kind.value} for kind in DocumentKind if kind not in ours]

    outbox = read_outbox([first, ATTEMPT.to_json_object(), *others, second])

    assert outbox == Outbox(EVENTS, [ATTEMPT])


@pytest.mark.parametrize(
    ("unreadable", "words"),
    [
        ({"id": "bad", "type": "event", "event": {"data": "홍길동"}}, "bad is not an event"),
        ({"id": "bad", "type": "attempt", "attempt": {"customerId": "홍길동"}}, "bad is not an attempt"),
    ],
)
def test_an_unreadable_document_is_logged_without_its_content_and_holds_nothing_up(
    unreadable: dict[str, object], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = read_outbox([unreadable, EVENTS[0].to_json_object(), ATTEMPT.to_json_object()])

    assert outbox == Outbox(EVENTS[:1], [ATTEMPT])
    assert f"outbox document {words}" in caplog.text
    assert "홍길동" not in caplog.text
