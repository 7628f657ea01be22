"""Publishing through the real SDK, against the local Service Bus."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.domain.errors import PublisherUnavailable
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.outbox import OutboxEvent
from shared.domain.record import rfc3339
from shared.resources import KAKAO_ALERT, VIEW_UPDATER
from tests.integration.adapters.subscriptions import drained, empty_subscriptions, settings_for
from tools.play.emulators import Emulators

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def outbox(event_type: str = "CustomerRegistered", padding: str = "") -> OutboxEvent:
    event_id = new_uuid7()
    event = {
        "id": event_id,
        "type": event_type,
        "time": rfc3339(utc_now()),
        "data": {"customerName": "홍길동"},
        "padding": padding,
    }
    return OutboxEvent(id=event_id, customer_id=CustomerId("customer 1"), event=event, traceparent=TRACEPARENT)


def publisher_for(connection_string: str) -> ServiceBusEventPublisher:
    return ServiceBusEventPublisher(settings_for(connection_string))


@pytest.fixture
async def publisher(emulators: Emulators) -> AsyncIterator[ServiceBusEventPublisher]:
    """It publishes to empty subscriptions."""
    await empty_subscriptions(emulators)
    publisher = publisher_for(emulators.service_bus)
    yield publisher
    await publisher.close()


async def test_an_event_is_sent_with_its_properties(emulators: Emulators, publisher: ServiceBusEventPublisher) -> None:
    event = outbox()

    await publisher.publish([event])

    [message] = await drained(emulators, VIEW_UPDATER)
    assert (message.message_id, message.subject, message.correlation_id, message.content_type) == (
        event.id,
        "CustomerRegistered",
        "customer 1",
        "application/cloudevents+json",
    )
    assert message.application_properties == {b"traceparent": TRACEPARENT.encode()}
    assert "홍길동" in str(message)
    assert message.time_to_live is not None
    assert timedelta() <= UNHANDLED_AFTER - message.time_to_live < timedelta(minutes=1)


async def test_a_message_expires_when_its_event_does_and_one_that_has_expired_is_not_sent(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    events = [outbox() for _ in range(3)]
    now = utc_now()
    for event, left in zip(events, (timedelta(hours=2), timedelta(0), -timedelta(days=1)), strict=True):
        event.event["expirytime"] = rfc3339(now + left)

    await publisher.publish(events)
    await publisher.publish_again(events[1:])

    [message] = await drained(emulators, VIEW_UPDATER)
    assert message.message_id == events[0].id
    assert message.time_to_live is not None
    assert timedelta() <= timedelta(hours=2) - message.time_to_live < timedelta(minutes=1)


async def test_events_that_are_published_twice_arrive_once_and_in_order(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    events = [outbox() for _ in range(20)]

    await publisher.publish(events[:12])
    await publisher.publish(events)

    messages = await drained(emulators, VIEW_UPDATER)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_events_that_do_not_fit_into_one_batch_are_sent_in_several(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    events = [outbox(padding="x" * 60_000) for _ in range(10)]

    await publisher.publish(events)

    messages = await drained(emulators, VIEW_UPDATER)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_only_cancellations_reach_the_alert(emulators: Emulators, publisher: ServiceBusEventPublisher) -> None:
    canceled = outbox("CustomerRegisterCanceled")

    await publisher.publish([outbox(), canceled, outbox()])

    [message] = await drained(emulators, KAKAO_ALERT)
    assert message.message_id == canceled.id


async def test_a_broker_that_is_down_is_unavailable_and_used_again_once_it_is_back(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    event = outbox()
    await emulators.stop("service_bus")
    try:
        with pytest.raises(PublisherUnavailable):
            await publisher.publish([event])
    finally:
        await emulators.start("service_bus")

    await publisher.publish([event])

    [message] = await drained(emulators, VIEW_UPDATER)
    assert message.message_id == event.id


async def test_a_sender_that_was_opened_at_the_start_sends(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    publisher.open_at_start()
    await publisher.opened()
    event = outbox()

    await publisher.publish([event])

    [message] = await drained(emulators, VIEW_UPDATER)
    assert message.message_id == event.id


async def test_a_broker_that_is_down_at_the_start_is_used_once_it_is_back(
    emulators: Emulators, publisher: ServiceBusEventPublisher
) -> None:
    event = outbox()
    await emulators.stop("service_bus")
    try:
        publisher.open_at_start()
        await publisher.opened()
    finally:
        await emulators.start("service_bus")

    await publisher.publish([event])

    [message] = await drained(emulators, VIEW_UPDATER)
    assert message.message_id == event.id
