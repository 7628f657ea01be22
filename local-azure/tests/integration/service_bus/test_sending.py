"""Sending with the unmodified SDK."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
)

from tests.integration.service_bus.namespace import Namespace, bodies

MILLISECOND = timedelta(milliseconds=1)  # the resolution of the service's times

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_message_arrives_as_it_was_sent(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("single")
    sent = ServiceBusMessage(
        b"\x00\xff body",
        message_id="id-1",
        subject="Registered",
        correlation_id="customer-1",
        content_type="application/cloudevents+json",
        reply_to="answers",
        application_properties={"traceparent": "00-1-2-01", "count": 3, "yes": True},
    )

    before = datetime.now(UTC)
    await sender.send_messages(sent)
    (message,) = await receiver.receive_messages()
    after = datetime.now(UTC)
    locked_until = message.locked_until_utc
    await receiver.complete_message(message)

    assert b"".join(message.body) == b"\x00\xff body"
    assert (message.message_id, message.subject, message.correlation_id) == ("id-1", "Registered", "customer-1")
    assert (message.content_type, message.reply_to) == ("application/cloudevents+json", "answers")
    assert message.application_properties == {b"traceparent": b"00-1-2-01", b"count": 3, b"yes": True}
    assert (message.sequence_number, message.delivery_count) == (1, 0)
    assert message.enqueued_time_utc is not None
    assert before - MILLISECOND <= message.enqueued_time_utc <= after
    assert locked_until is not None
    assert before - MILLISECOND <= locked_until - timedelta(seconds=30) <= after


async def test_lists_are_routed_by_rules_without_duplicates(namespace: Namespace) -> None:
    sender, (alert, view) = await namespace.topic("events", "alert", "view")

    def event(number: int, subject: str) -> ServiceBusMessage:
        return ServiceBusMessage(f"{subject} {number}", message_id=str(number), subject=subject)

    await sender.send_messages([event(1, "Registered"), event(2, "Canceled"), event(3, "Registered")])
    await sender.send_messages([event(1, "Registered"), event(4, "Canceled")])
    await sender.send_messages(event(2, "Canceled"))

    assert bodies(await alert.receive_messages(10)) == ["Canceled 2", "Canceled 4"]
    assert bodies(await view.receive_messages(10)) == ["Registered 1", "Canceled 2", "Registered 3", "Canceled 4"]


async def test_a_full_batch_arrives_and_a_larger_message_is_refused(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("large")
    batch = await sender.create_message_batch()
    while batch.size_in_bytes < batch.max_size_in_bytes - 6000:
        batch.add_message(ServiceBusMessage(b"x" * 5000))
    body = b"y" * (256 * 1024 - 100)

    await sender.send_messages(batch)
    await sender.send_messages(ServiceBusMessage(body))
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage(b"z" * 256 * 1024))
    await sender.send_messages(ServiceBusMessage(b"still works"))
    received: list[ServiceBusReceivedMessage] = []
    while len(received) < len(batch) + 2:
        received += await receiver.receive_messages(100)

    assert batch.max_size_in_bytes == 256 * 1024
    assert len(batch) > 50
    assert [b"".join(message.body) for message in received] == [b"x" * 5000] * len(batch) + [body, b"still works"]


async def test_receiving_is_refused_with_the_reason(namespace: Namespace) -> None:
    nowhere, topic, session, transfer = await asyncio.gather(
        namespace.receiver("nowhere"),
        namespace.receiver("events"),
        namespace.receiver("single", session_id="1"),
        namespace.receiver("single", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER),
        return_exceptions=True,
    )

    assert isinstance(nowhere, MessagingEntityNotFoundError)
    assert "'nowhere' could not be found" in str(nowhere)
    assert isinstance(topic, ServiceBusError)
    assert "receive from one of its subscriptions" in str(topic)
    assert isinstance(session, ServiceBusError)
    assert "does not require sessions" in str(session)
    assert isinstance(transfer, ServiceBusError)
    assert "transfer dead-letter queue is not supported" in str(transfer)
