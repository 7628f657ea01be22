"""An emulator, clients of it, and the queues of the tests."""

import asyncio
from typing import Any, Self

from azure.servicebus import ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from local_azure.service_bus import ServiceBusEmulator

DEAD = {"sub_queue": ServiceBusSubQueue.DEAD_LETTER}
DELETING = {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}

# One queue for each test: its properties, and the options of its receiver.
QUEUES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "single": ({}, {}),
    "large": ({}, {}),
    "settled": ({}, {}),
    "twice": ({"MaxDeliveryCount": 2}, {}),
    "deferred": ({}, {}),
    "short-lock": ({"LockDuration": "PT1S"}, {}),
    "renewed": ({"LockDuration": "PT1S"}, {}),
    "prefetched": ({}, {"prefetch_count": 10}),
    "deleted": ({}, DELETING),
    "iterated": ({}, {"prefetch_count": 50}),
    "blocking": ({}, {}),
    "expiring-to-dead-letters": ({"DeadLetteringOnMessageExpiration": True}, DEAD),
    "expiring": ({}, {}),
    "scheduled": ({}, {}),
    "peeked": ({}, {}),
    "raw": ({}, {}),
}
CANCELED = {
    "Name": "canceled",
    "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": "Canceled"}},
}
TOPICS: list[dict[str, Any]] = [
    {
        "Name": "events",
        "Properties": {"RequiresDuplicateDetection": True},
        "Subscriptions": [{"Name": "alert", "Rules": [CANCELED]}, {"Name": "view"}],
    }
]


def entities() -> dict[str, Any]:
    """The content of an entities file."""
    queues = [{"Name": name, "Properties": {"LockDuration": "PT30S"} | extra} for name, (extra, _) in QUEUES.items()]
    return {"UserConfig": {"Namespaces": [{"Name": "test", "Queues": queues, "Topics": TOPICS}]}}


class Clients:
    """Senders and receivers of one namespace, opened and closed together: each takes the SDK half a second."""

    def __init__(self, connection_string: str, **options: Any) -> None:
        quick = {"retry_total": 2, "retry_backoff_factor": 0.02}
        self._client = ServiceBusClient.from_connection_string(connection_string, **(quick | options))
        self._handlers: list[ServiceBusSender | ServiceBusReceiver] = []
        self._pairs: dict[str, tuple[ServiceBusSender, ServiceBusReceiver]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(handler.close() for handler in self._handlers))
        await self._client.close()

    async def open(self, *names: str) -> None:
        """Connects sender, receiver and management node of each queue, all at once."""
        for name in names:
            self._pairs[name] = self._client.get_queue_sender(name), self._receiver(name, QUEUES[name][1])
        opened = [self._pairs[name] for name in names]
        await self._open(*(sender for sender, _ in opened), *(receiver for _, receiver in opened))
        await asyncio.gather(*(receiver.peek_messages() for _, receiver in opened))

    def queue(self, name: str) -> tuple[ServiceBusSender, ServiceBusReceiver]:
        """The sender and the receiver of an opened queue."""
        return self._pairs[name]

    async def receiver(self, name: str, **options: Any) -> ServiceBusReceiver:
        receiver = self._receiver(name, options)
        await self._open(receiver)
        return receiver

    async def topic(self, name: str, *subscriptions: str) -> tuple[ServiceBusSender, list[ServiceBusReceiver]]:
        """A connected sender of the topic and a connected receiver of each subscription."""
        sender = self._client.get_topic_sender(name)
        receivers = [self._client.get_subscription_receiver(name, each, max_wait_time=5) for each in subscriptions]
        await self._open(sender, *receivers)
        return sender, receivers

    def _receiver(self, name: str, options: dict[str, Any]) -> ServiceBusReceiver:
        return self._client.get_queue_receiver(name, **({"max_wait_time": 5} | options))

    async def _open(self, *handlers: ServiceBusSender | ServiceBusReceiver) -> None:
        self._handlers += handlers
        await asyncio.gather(*(handler.__aenter__() for handler in handlers))


class Namespace(Clients):
    """An emulator in this process, and its clients."""

    def __init__(self, emulator: ServiceBusEmulator) -> None:
        super().__init__(emulator.connection_string)
        self.emulator = emulator


def bodies(messages: list[Any]) -> list[str]:
    return [str(message) for message in messages]
