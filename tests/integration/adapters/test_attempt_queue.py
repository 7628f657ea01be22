"""The queue of attempts through the real SDK, against the local Service Bus."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.attempt_queue import ServiceBusAttemptQueue
from shared.domain.errors import PublisherUnavailable
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.outbox import OutboxAttempt
from shared.domain.registration import Attempt
from shared.resources import REGISTRATIONS_POSTPONED
from shared.use_cases.registrations import ReceivedAttempt
from tests.integration.adapters.subscriptions import settings_for
from tests.unit.fakes import CUSTOMER_ID
from tools.play.emulators import Emulators

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SOON = timedelta(seconds=1.5)
NOW = timedelta(0)


@pytest.fixture
async def client(emulators: Emulators) -> AsyncIterator[ServiceBusClient]:
    """The Service Bus, without what other tests left in the queue and its dead letters."""
    async with ServiceBusClient.from_connection_string(emulators.service_bus) as client:
        for part in (None, ServiceBusSubQueue.DEAD_LETTER):
            async with client.get_queue_receiver(
                REGISTRATIONS_POSTPONED, sub_queue=part, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
            ) as receiver:
                while await receiver.receive_messages(1000, max_wait_time=0.2):
                    pass
        yield client


@pytest.fixture
async def queue(emulators: Emulators, client: ServiceBusClient) -> AsyncIterator[ServiceBusAttemptQueue]:
    queue = ServiceBusAttemptQueue(settings_for(emulators.service_bus))
    yield queue
    await queue.close()


def attempt(after: timedelta = NOW, number: int = 1) -> Attempt:
    return Attempt(customer_id=CustomerId(new_uuid7()), number=number, due_at=utc_now() + after)


async def taken(queue: ServiceBusAttemptQueue, most: int, seconds: float) -> list[Attempt]:
    """What was received, and completed: what stays locked would come again in a later test."""
    received = await queue.receive(most, seconds)
    for each in received:
        await queue.complete(each)
    return [each.attempt for each in received]


async def send_raw(client: ServiceBusClient, message: ServiceBusMessage) -> None:
    async with client.get_queue_sender(REGISTRATIONS_POSTPONED) as sender:
        await sender.send_messages(message)


async def test_what_is_due_is_received_and_once_completed_gone(queue: ServiceBusAttemptQueue) -> None:
    sent = [attempt() for _ in range(3)]
    await queue.send(sent)

    received = [*await taken(queue, 2, 5), *await taken(queue, 2, 5)]

    assert [each.message_id for each in received] == [each.message_id for each in sent]
    assert await queue.receive(2, 0.3) == []


async def test_an_attempt_is_received_when_it_is_due_and_not_before(queue: ServiceBusAttemptQueue) -> None:
    later, now = attempt(SOON), attempt()
    await queue.send([later, now])

    received = await taken(queue, 1, 5)
    received += await taken(queue, 1, 5)

    assert [each.customer_id for each in received] == [now.customer_id, later.customer_id]
    assert utc_now() >= later.due_at


async def test_an_attempt_that_is_sent_twice_is_received_once(queue: ServiceBusAttemptQueue) -> None:
    twice = attempt()
    await queue.send([twice])
    await queue.send_from_outbox([OutboxAttempt.of(twice, TRACEPARENT, ttl=60)])
    await queue.send([Attempt(customer_id=twice.customer_id, number=2, due_at=utc_now())])

    received = [*await taken(queue, 10, 5), *await taken(queue, 10, 0.5)]

    assert [each.number for each in received] == [1, 2]


async def test_a_message_has_nothing_personal_and_the_trace_of_its_request(
    client: ServiceBusClient, queue: ServiceBusAttemptQueue
) -> None:
    sent = attempt(number=3)

    await queue.send_from_outbox([OutboxAttempt.of(sent, TRACEPARENT, ttl=60)])

    async with client.get_queue_receiver(REGISTRATIONS_POSTPONED) as receiver:
        [message] = await receiver.peek_messages(10)
    assert json.loads(b"".join(message.body)) == {"customerId": sent.customer_id, "number": 3}
    assert (message.message_id, message.content_type) == (f"{sent.customer_id}.3", "application/json")
    assert message.application_properties == {b"traceparent": TRACEPARENT.encode()}


@pytest.mark.parametrize(
    "body",
    ["yeon", "{}", '{"customerId": "yeon", "number": 1}', f'{{"customerId": "{CUSTOMER_ID}", "number": 0}}'],
)
async def test_what_is_no_attempt_goes_to_the_dead_letters_and_its_content_into_no_log(
    client: ServiceBusClient, queue: ServiceBusAttemptQueue, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    await send_raw(client, ServiceBusMessage(body, message_id=new_uuid7()))
    sent = attempt()
    await queue.send([sent])

    received = [*await taken(queue, 10, 1), *await taken(queue, 10, 1)]

    assert [each.customer_id for each in received] == [sent.customer_id]
    async with client.get_queue_receiver(REGISTRATIONS_POSTPONED, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        [dead] = await receiver.peek_messages(10)
    assert dead.dead_letter_reason == "unreadable"
    assert "is no attempt" in caplog.text
    assert "yeon" not in caplog.text


async def test_what_is_completed_after_its_link_was_closed_comes_again(
    client: ServiceBusClient, queue: ServiceBusAttemptQueue
) -> None:
    sent = attempt()
    await queue.send([sent])
    [received] = await queue.receive(1, 5)
    await queue.close()

    await queue.complete(received)

    async with client.get_queue_receiver(REGISTRATIONS_POSTPONED) as receiver:
        assert [message.message_id for message in await receiver.peek_messages(10)] == [sent.message_id]


async def test_completing_does_not_wait_for_receiving(queue: ServiceBusAttemptQueue) -> None:
    await queue.send([attempt()])
    [received] = await queue.receive(1, 5)
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0.1)

    async with asyncio.timeout(30):
        await queue.complete(received)

    assert not receiving.done()
    await queue.send([attempt()])
    [second] = await receiving
    await queue.complete(second)


async def test_many_are_completed_side_by_side(queue: ServiceBusAttemptQueue) -> None:
    await queue.send([attempt() for _ in range(30)])
    received: list[ReceivedAttempt] = []
    while len(received) < 30:
        received += await queue.receive(30, 5)

    await asyncio.gather(*(queue.complete(each) for each in received))

    assert await queue.receive(30, 0.5) == []


async def test_a_broker_that_is_down_is_unavailable_and_used_again_once_it_is_back(
    emulators: Emulators, queue: ServiceBusAttemptQueue
) -> None:
    sent, in_work = attempt(), attempt()
    await queue.send([in_work])
    [received] = await queue.receive(1, 5)
    await emulators.stop("service_bus")
    try:
        with pytest.raises(PublisherUnavailable):
            await queue.send([sent])
        with pytest.raises(PublisherUnavailable):
            await queue.receive(1, 8)
        await queue.complete(received)
    finally:
        await emulators.start("service_bus")

    await queue.send([sent])

    got = [*await taken(queue, 10, 5), *await taken(queue, 10, 1)]
    assert sent.message_id in {each.message_id for each in got}
