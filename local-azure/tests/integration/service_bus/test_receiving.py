"""Peek-lock, settlement and receive-and-delete with the unmodified SDK."""

import asyncio

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessageLockLostError

from tests.integration.service_bus.namespace import Namespace, bodies

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_messages_are_completed_abandoned_dead_lettered_and_deferred(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("settled")
    await sender.send_messages([ServiceBusMessage(body) for body in ("complete", "abandon", "dead-letter", "defer")])

    complete, abandon, dead_letter, defer = await receiver.receive_messages(4)
    await receiver.complete_message(complete)
    await receiver.dead_letter_message(dead_letter, reason="bad", error_description="very bad")
    await receiver.defer_message(defer)
    await receiver.abandon_message(abandon)
    again = await receiver.receive_messages(10, max_wait_time=0.5)
    dead = await namespace.receiver("settled", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    (dead_lettered,) = await dead.receive_messages()
    await dead.complete_message(dead_lettered)

    assert [(str(message), message.delivery_count) for message in again] == [("abandon", 1)]
    assert str(dead_lettered) == "dead-letter"
    assert (dead_lettered.dead_letter_reason, dead_lettered.dead_letter_error_description) == ("bad", "very bad")
    assert bodies(await receiver.peek_messages(10, sequence_number=1)) == ["abandon", "defer"]
    assert await dead.peek_messages(10, sequence_number=1) == []


async def test_a_message_that_fails_too_often_is_dead_lettered(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("twice")
    await sender.send_messages(ServiceBusMessage("poison"))

    counts = []
    for _ in range(2):
        (message,) = await receiver.receive_messages()
        counts.append(message.delivery_count)
        await receiver.abandon_message(message)
    dead = await namespace.receiver("twice", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    (dead_lettered,) = await dead.receive_messages()

    assert counts == [0, 1]
    assert dead_lettered.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert dead_lettered.delivery_count == 2
    assert await receiver.peek_messages(10, sequence_number=1) == []


async def test_a_deferred_message_is_received_by_its_sequence_number(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("deferred")
    await sender.send_messages([ServiceBusMessage(body) for body in ("one", "two")])
    messages = await receiver.receive_messages(2)
    for message in messages:
        await receiver.defer_message(message)
    numbers = [message.sequence_number for message in messages if message.sequence_number]

    one, two = await receiver.receive_deferred_messages(numbers)
    await receiver.complete_message(one)
    await receiver.dead_letter_message(two, reason="deferred for good")

    assert bodies([one, two]) == ["one", "two"]
    assert await receiver.peek_messages(10, sequence_number=1) == []
    dead = await namespace.receiver("deferred", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    assert [message.dead_letter_reason for message in await dead.receive_messages()] == ["deferred for good"]


async def test_after_its_lock_expires_a_message_is_delivered_again_and_the_lock_is_lost(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("short-lock")
    await sender.send_messages(ServiceBusMessage("work"))
    (first,) = await receiver.receive_messages()

    (second,) = await receiver.receive_messages()
    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(first)
    first._expiry = second.locked_until_utc  # otherwise the SDK does not send the request
    with pytest.raises(MessageLockLostError):
        await receiver.complete_message(first)
    await receiver.complete_message(second)

    assert (first.delivery_count, second.delivery_count) == (0, 1)
    assert first.lock_token != second.lock_token


async def test_a_renewed_lock_holds(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("renewed")
    await sender.send_messages(ServiceBusMessage("work"))
    (message,) = await receiver.receive_messages()
    first = message.locked_until_utc
    connecting = asyncio.create_task(namespace.receiver("renewed"))

    for _ in range(3):
        await asyncio.sleep(0.45)
        renewed = await receiver.renew_message_lock(message)
    other = await connecting
    stolen = await other.receive_messages(max_wait_time=0.2)
    await receiver.complete_message(message)

    assert first is not None
    assert renewed > first
    assert stolen == []


async def test_prefetched_messages_are_released_when_their_receiver_closes(namespace: Namespace) -> None:
    sender, greedy = namespace.queue("prefetched")
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    (first,) = await greedy.receive_messages(1)
    await greedy.complete_message(first)

    _, other = await asyncio.gather(greedy.close(), namespace.receiver("prefetched"))
    rest = await other.receive_messages(4)

    assert [(str(message), message.delivery_count) for message in rest] == [(str(n), 0) for n in range(1, 5)]


async def test_receive_and_delete_deletes_messages(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("deleted")
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(3)])

    received = await receiver.receive_messages(3)

    assert bodies(received) == ["0", "1", "2"]
    assert await receiver.peek_messages(10, sequence_number=1) == []


async def test_thousands_of_prefetched_messages_are_received_in_order(namespace: Namespace) -> None:
    sender, receiver = namespace.queue("iterated")
    for start in range(0, 2000, 200):
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(start, start + 200)])

    received = []
    async for message in receiver:
        received.append(str(message))
        await receiver.complete_message(message)
        if len(received) == 2000:
            break

    assert received == [str(number) for number in range(2000)]
    assert await receiver.peek_messages(1, sequence_number=1) == []


async def test_the_synchronous_sdk_works_too(namespace: Namespace) -> None:
    def send() -> None:
        with (
            ServiceBusClient.from_connection_string(namespace.emulator.connection_string) as client,
            client.get_queue_sender("blocking") as sender,
        ):
            sender.send_messages([ServiceBusMessage("one"), ServiceBusMessage("two")])
            sender.send_messages(ServiceBusMessage("three"))

    def receive() -> list[list[str]]:
        with (
            ServiceBusClient.from_connection_string(namespace.emulator.connection_string) as client,
            client.get_queue_receiver("blocking", max_wait_time=5) as receiver,
        ):
            messages: list[ServiceBusReceivedMessage] = []
            while len(messages) < 3:
                messages += receiver.receive_messages(3)
            receiver.abandon_message(messages[1])
            receiver.dead_letter_message(messages[2], reason="no")
            receiver.renew_message_lock(messages[0])
            receiver.complete_message(messages[0])
            again = receiver.receive_messages(1)
            return [bodies(messages), bodies(again), bodies(receiver.peek_messages(5, sequence_number=1))]

    _, received = await asyncio.gather(asyncio.to_thread(send), asyncio.to_thread(receive))

    assert received == [["one", "two", "three"], ["two"], ["two"]]
