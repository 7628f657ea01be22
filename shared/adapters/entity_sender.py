"""Sending to one topic or queue of Service Bus: in order, with a timeout, and opened again after a failure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from shared.adapters.identity import managed_identity
from shared.domain.errors import PublisherUnavailable
from shared.settings import Settings

# Retries beyond these would not fit into SERVICE_BUS_TIMEOUT_SECONDS; the caller's own retries send everything again.
SDK_OPTIONS: Final[dict[str, Any]] = {"retry_total": 2, "retry_backoff_factor": 0.2}
# The caller decides when it tries again.
RETRY_AFTER_SECONDS: Final = 1
CLOSE_SECONDS: Final = 1


class EntitySender:
    """The sender of one entity, which `choose` gets from a client. A process has one of each."""

    def __init__(self, settings: Settings, choose: Callable[[ServiceBusClient], ServiceBusSender]) -> None:
        self._settings = settings
        self._choose = choose
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None
        self._one_sends = asyncio.Lock()

    async def open(self) -> None:
        """Opens the link; calls of `in_turn` wait for it."""
        async with self._one_sends:
            try:
                await self._open().create_message_batch()  # knows the largest size only from an open link
            except BaseException:
                await self._close()
                raise

    @asynccontextmanager
    async def in_turn(self) -> AsyncIterator[None]:
        """Keeps the order of what is sent inside: two callers never interleave."""
        async with self._one_sends:
            yield

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[ServiceBusSender]:
        """The open sender, for use inside `in_turn` and within SERVICE_BUS_TIMEOUT_SECONDS.

        Raises PublisherUnavailable if Service Bus does not respond.
        """
        try:
            async with asyncio.timeout(self._settings.service_bus_timeout_seconds):
                yield self._open()
        except BaseException as error:
            # Any failure may have left the sender broken; the next attempt opens another.
            await self._close()
            if isinstance(error, AzureError | OSError | TimeoutError):
                raise PublisherUnavailable("Service Bus does not respond.", RETRY_AFTER_SECONDS) from error
            raise

    async def send(self, messages: Sequence[ServiceBusMessage]) -> None:
        """Sends the messages in as few batches as possible, for use inside `in_turn`. Raises PublisherUnavailable."""
        async with self.sender() as sender:
            batch = await sender.create_message_batch()
            for message in messages:
                try:
                    batch.add_message(message)
                except MessageSizeExceededError:
                    await sender.send_messages(batch)
                    batch = await sender.create_message_batch()
                    batch.add_message(message)
            await sender.send_messages(batch)

    async def close(self) -> None:
        """Closes the sender; the next call opens another."""
        await self._close()

    def _open(self) -> ServiceBusSender:
        if self._sender is None:
            self._client = new_client(self._settings)
            self._sender = self._choose(self._client)
        return self._sender

    async def _close(self) -> None:
        sender, client = self._sender, self._client
        self._sender = self._client = None
        await close_all(sender, client, seconds=CLOSE_SECONDS)


async def close_all(
    *resources: ServiceBusSender | ServiceBusReceiver | ServiceBusClient | None, seconds: float
) -> None:
    """Closes what is open, in this order. A broken link may fail to close, or hang: it is given up after `seconds`."""
    for resource in resources:
        if resource:
            try:
                async with asyncio.timeout(seconds):
                    await resource.close()
            except (AzureError, OSError, TimeoutError):
                pass


def new_client(settings: Settings) -> ServiceBusClient:
    """A client of the namespace, which the caller closes."""
    if settings.service_bus_connection:
        return ServiceBusClient.from_connection_string(
            settings.service_bus_connection.get_secret_value(), **SDK_OPTIONS
        )
    credential = managed_identity(settings.service_bus_connection__client_id)
    return ServiceBusClient(settings.service_bus_connection__namespace or "", credential, **SDK_OPTIONS)
