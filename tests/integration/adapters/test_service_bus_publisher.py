"""Publishing through the real SDK, against the local Service Bus in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from local_azure.service_bus import ServiceBusEmulator
from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.domain.errors import PublisherUnavailable
from shared.domain.identifiers import new_uuid7
from shared.resources import KAKAO_ALERT, TOPIC, VIEW_UPDATER
from shared.settings import Settings
from shared.use_cases.publishing import OutboxEvent

ENTITIES = Path(__file__).parents[3] / "service-bus.json"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def outbox(event_type: str = "CustomerRegistered", padding: str = "") -> OutboxEvent:
    event_id = new_uuid7()
    event = {
        "id": event_id,
        "type": event_type,
        "time": "2026-01-02T03:04:05.678Z",
        "data": {"customerName": "홍길동"},
        "padding": padding,
    }
    return OutboxEvent(id=event_id, customer_id="customer 1", event=event, traceparent=TRACEPARENT)


def publisher_for(connection_string: str) -> ServiceBusEventPublisher:
    return ServiceBusEventPublisher(
        Settings.model_validate(
            {
                "cosmos_connection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
                "service_bus_connection": connection_string,
                "service_bus_timeout_seconds": 3,
                "kakao_api_url": "http://127.0.0.1:1",
            }
        )
    )


@pytest.fixture
async def emulator() -> AsyncIterator[ServiceBusEmulator]:
    async with ServiceBusEmulator(entities=ENTITIES, database=":memory:") as emulator:
        yield emulator


@pytest.fixture
async def publisher(emulator: ServiceBusEmulator) -> AsyncIterator[ServiceBusEventPublisher]:
    publisher = publisher_for(emulator.connection_string)
    yield publisher
    await publisher.close()


async def received(emulator: ServiceBusEmulator, subscription: str, count: int) -> list[ServiceBusReceivedMessage]:
    """So many messages, and none after them."""
    async with (
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
        client.get_subscription_receiver(TOPIC, subscription) as receiver,
    ):
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < count and (more := await receiver.receive_messages(count, max_wait_time=5)):
            messages += more
        assert await receiver.receive_messages(1, max_wait_time=0.2) == []
    return messages


async def test_an_event_is_sent_as_the_design_says(
    emulator: ServiceBusEmulator, publisher: ServiceBusEventPublisher
) -> None:
    event = outbox()

    await publisher.publish([event])

    [message] = await received(emulator, VIEW_UPDATER, 1)
    assert (message.message_id, message.subject, message.correlation_id, message.content_type) == (
        event.id,
        "CustomerRegistered",
        "customer 1",
        "application/cloudevents+json",
    )
    assert message.application_properties == {b"traceparent": TRACEPARENT.encode()}
    assert "홍길동" in str(message)


async def test_what_is_published_twice_arrives_once_and_in_order(
    emulator: ServiceBusEmulator, publisher: ServiceBusEventPublisher
) -> None:
    events = [outbox() for _ in range(20)]

    await publisher.publish(events[:12])
    await publisher.publish(events)

    messages = await received(emulator, VIEW_UPDATER, 20)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_more_than_one_batch_holds_is_sent_in_several(
    emulator: ServiceBusEmulator, publisher: ServiceBusEventPublisher
) -> None:
    events = [outbox(padding="x" * 60_000) for _ in range(10)]

    await publisher.publish(events)

    messages = await received(emulator, VIEW_UPDATER, 10)
    assert [message.message_id for message in messages] == [event.id for event in events]


async def test_only_cancellations_reach_the_alert(
    emulator: ServiceBusEmulator, publisher: ServiceBusEventPublisher
) -> None:
    canceled = outbox("CustomerRegisterCanceled")

    await publisher.publish([outbox(), canceled, outbox()])

    [message] = await received(emulator, KAKAO_ALERT, 1)
    assert message.message_id == canceled.id


async def test_a_broker_that_is_down_is_unavailable_and_used_again_once_it_is_back(unused_tcp_port: int) -> None:
    connection = f"Endpoint=sb://127.0.0.1:{unused_tcp_port};SharedAccessKeyName=R;SharedAccessKey=k;"
    publisher = publisher_for(f"{connection}UseDevelopmentEmulator=true;")
    event = outbox()
    with pytest.raises(PublisherUnavailable):
        await publisher.publish([event])

    async with ServiceBusEmulator(entities=ENTITIES, database=":memory:", port=unused_tcp_port) as emulator:
        await publisher.publish([event])
        [message] = await received(emulator, VIEW_UPDATER, 1)
        await publisher.close()

    assert message.message_id == event.id
