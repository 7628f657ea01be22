import pytest

from shared.domain.customer import Customer
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxEvent
from shared.use_cases.publishing import PublishOutbox
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
