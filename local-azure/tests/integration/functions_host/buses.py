"""A local Service Bus for the sample app, and a client of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from local_azure.service_bus import ServiceBusEmulator
from tests.integration.functions_host.hosts import DEADLINE, Sample

LOCK_SECONDS = 5  # a busy machine may stop for some of them
LOCK = {"LockDuration": f"PT{LOCK_SECONDS}S", "MaxDeliveryCount": 3}
SUBSCRIPTION = {"Name": "one-by-one", "Properties": LOCK}
ENTITIES = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sample",
                "Queues": [{"Name": "batches", "Properties": LOCK}],
                "Topics": [{"Name": "events", "Subscriptions": [SUBSCRIPTION]}],
            }
        ]
    }
}


class Bus:
    """A Service Bus, and a client of it."""

    def __init__(self, emulator: ServiceBusEmulator) -> None:
        self.port = emulator.port
        self._client = ServiceBusClient.from_connection_string(emulator.connection_string, socket_timeout=0.02)
        self._topic = self._client.get_topic_sender("events")
        self._queue = self._client.get_queue_sender("batches")
        self._receivers = {
            "waiting": self._client.get_subscription_receiver("events", "one-by-one"),
            "dead": self._client.get_subscription_receiver(
                "events", "one-by-one", sub_queue=ServiceBusSubQueue.DEAD_LETTER
            ),
            "batches": self._client.get_queue_receiver("batches"),
        }

    async def send(self, *messages: ServiceBusMessage) -> None:
        await self._topic.send_messages(list(messages))

    async def send_to_queue(self, *messages: ServiceBusMessage) -> None:
        await self._queue.send_messages(list(messages))

    async def remaining(self, where: str = "waiting") -> list[str]:
        """The message ids in the subscription ("waiting"), its dead-letter queue ("dead") or the queue "batches"."""
        messages = await self._receivers[where].peek_messages(100, sequence_number=1)
        return [str(message.message_id) for message in messages]

    async def close(self) -> None:
        """Closes everything at once, without waiting the second that the SDK takes to end its keep-alive."""
        handlers: list[ServiceBusSender | ServiceBusReceiver] = [self._topic, self._queue, *self._receivers.values()]
        await asyncio.gather(*[_close(handler) for handler in handlers])

    async def until_remaining(self, ids: list[str], where: str = "waiting") -> None:
        async with asyncio.timeout(DEADLINE):
            while await self.remaining(where) != ids:  # noqa: ASYNC110 - the service has no event for it
                await asyncio.sleep(0.02)


async def _close(handler: ServiceBusSender | ServiceBusReceiver) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await handler.close()


@asynccontextmanager
async def service_bus(sample: Sample, port: int = 0) -> AsyncIterator[Bus]:
    """Runs a Service Bus with its database in the sample's folder. The sample connects to it."""
    async with ServiceBusEmulator.running(ENTITIES, sample.folder / "bus.sqlite3", port) as emulator:
        sample.settings["SERVICE_BUS"] = emulator.connection_string
        bus = Bus(emulator)
        try:
            yield bus
        finally:
            await bus.close()


def message(body: str, **properties: float) -> ServiceBusMessage:
    return ServiceBusMessage(
        body, message_id=body, application_properties={name: properties[name] for name in properties}
    )
