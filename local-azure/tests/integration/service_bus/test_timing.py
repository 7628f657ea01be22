"""Expiry, scheduling and peeking with the unmodified SDK."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState
from azure.servicebus.exceptions import MessageNotFoundError

from tests.integration.service_bus.namespace import Namespace, bodies

FAR = datetime(2100, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_expired_message_is_dead_lettered_if_the_queue_says_so(namespace: Namespace) -> None:
    sender, dead = namespace.queue("expiring-to-dead-letters")

    await sender.send_messages(ServiceBusMessage("milk", time_to_live=timedelta(seconds=1)))
    (expired,) = await dead.receive_messages()

    assert (str(expired), expired.dead_letter_reason) == ("milk", "TTLExpiredException")


async def test_an_expired_message_is_deleted_by_default(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("expiring")

    await sender.send_messages(ServiceBusMessage("now", time_to_live=timedelta(seconds=1)))
    await sender.send_messages(ServiceBusMessage("then", time_to_live=timedelta(hours=1)))
    before = await receiver.peek_messages(10)
    await asyncio.sleep(1.05)

    assert bodies(before) == ["now", "then"]
    assert before[1].time_to_live == timedelta(hours=1)
    assert bodies(await receiver.receive_messages(10, max_wait_time=0.5)) == ["then"]


async def test_scheduled_messages_arrive_when_due_unless_canceled(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("scheduled")
    await sender.schedule_messages(ServiceBusMessage(""), FAR)  # connects to the management node, which is slow
    due = datetime.now(UTC) + timedelta(seconds=0.5)

    numbers = await sender.schedule_messages([ServiceBusMessage("kept"), ServiceBusMessage("canceled")], due)
    await sender.send_messages(ServiceBusMessage("annotated", scheduled_enqueue_time_utc=due))
    states = [message.state for message in await receiver.peek_messages(10)]
    await sender.cancel_scheduled_messages(numbers[1])
    early = await receiver.receive_messages(10, max_wait_time=0.1)
    received = await receiver.receive_messages(2)
    received += await receiver.receive_messages(2, max_wait_time=0.5)

    assert states == [ServiceBusMessageState.SCHEDULED] * 4
    assert early == []
    assert sorted(bodies(received)) == ["annotated", "kept"]
    enqueued = [message.enqueued_time_utc for message in received if message.enqueued_time_utc]
    assert min(enqueued) >= due - timedelta(milliseconds=1)
    with pytest.raises(MessageNotFoundError):
        await sender.cancel_scheduled_messages(numbers[1])


async def test_peeking_shows_everything_and_changes_nothing(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("peeked")
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    locked, deferred = await receiver.receive_messages(2)
    await receiver.defer_message(deferred)

    first = await receiver.peek_messages(3, sequence_number=1)
    following = await receiver.peek_messages(10)
    none = await receiver.peek_messages(10, sequence_number=100)

    assert bodies(first + following) == ["0", "1", "2", "3", "4"]
    assert [message.state for message in first][:2] == [ServiceBusMessageState.ACTIVE, ServiceBusMessageState.DEFERRED]
    assert none == []
    await receiver.complete_message(locked)
