"""Everything that a stack keeps: each document of the database, and each message of Service Bus in whatever state."""

import json
from collections.abc import AsyncIterator, Callable

from azure.cosmos.aio import CosmosClient
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local_azure.stack import Stack
from shared.resources import DATABASE, QUEUES, SUBSCRIPTION_LABELS, TOPIC

PAGE = 100


async def documents(stack: Stack) -> AsyncIterator[tuple[str, str]]:
    """Where each lies, and its text."""
    async with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
        database = client.get_database_client(DATABASE)
        async for definition in database.list_containers():
            container = database.get_container_client(definition["id"])
            async for item in container.read_all_items():
                yield f"{definition['id']}: {item['id']}", json.dumps(item, ensure_ascii=False)


async def messages(stack: Stack) -> AsyncIterator[tuple[str, str]]:
    """Live, locked, scheduled and deferred ones of each queue and subscription, and their dead letters."""
    async with ServiceBusClient.from_connection_string(stack.connection_string("service_bus")) as client:
        for name, receiver in _receivers(client):
            async with receiver:
                number = 1
                while page := await receiver.peek_messages(PAGE, sequence_number=number):
                    for message in page:
                        yield f"{name}: {message.message_id}", _text(message)
                    number = (page[-1].sequence_number or 0) + 1


def _receivers(client: ServiceBusClient) -> list[tuple[str, ServiceBusReceiver]]:
    opened: dict[str, Callable[[ServiceBusSubQueue | None], ServiceBusReceiver]] = {
        **{
            queue: lambda part, queue=queue: client.get_queue_receiver(queue, sub_queue=part)  # type: ignore[misc]
            for queue in QUEUES
        },
        **{
            name: lambda part, name=name: client.get_subscription_receiver(TOPIC, name, sub_queue=part)  # type: ignore[misc]
            for name in SUBSCRIPTION_LABELS
        },
    }
    return [
        (f"{name}{'/dead-letters' if part else ''}", open_receiver(part))
        for name, open_receiver in opened.items()
        for part in (None, ServiceBusSubQueue.DEAD_LETTER)
    ]


def _text(message: ServiceBusReceivedMessage) -> str:
    """The body, and all that goes with it."""
    body = b"".join(message.body).decode(errors="replace")
    return f"{body} {message.application_properties} {message.correlation_id} {message.subject}"


async def everything(stack: Stack) -> list[tuple[str, str]]:
    return [each async for each in documents(stack)] + [each async for each in messages(stack)]
