"""Publishing to the Service Bus topic: in order, in as few batches as possible, with a timeout."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError
from opentelemetry.trace import Span

from shared.adapters.identity import managed_identity
from shared.adapters.opening import Opening
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CONTENT_TYPE
from shared.domain.outbox import OutboxEvent
from shared.resources import TOPIC
from shared.settings import Settings
from shared.telemetry import mark_failed, message_span, traceparent

# Retries beyond these would not fit into SERVICE_BUS_TIMEOUT_SECONDS; the change feed tries the whole batch again.
SDK_OPTIONS: Final[dict[str, Any]] = {"retry_total": 2, "retry_backoff_factor": 0.2}
# event-publisher's own retry policy decides when it tries again.
RETRY_AFTER_SECONDS: Final = 1
CLOSE_SECONDS: Final = 1


class ServiceBusEventPublisher:
    """One sender for each process, opened at the start or at first use, and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None
        self._sending = asyncio.Lock()
        self._opening = Opening("the sender of Service Bus", settings.ssak8_warm_start_seconds)

    def open_at_start(self) -> None:
        """Begins to open the sender, on the running event loop."""
        self._opening.start(self._open_sender)

    async def opened(self) -> None:
        """Returns once it is open, or could not be opened within SSAK8_WARM_START_SECONDS of the start."""
        await self._opening.wait()

    async def _open_sender(self) -> None:
        # Under the lock, so that sending waits until this is over.
        async with self._sending:
            try:
                await self._open().create_message_batch()  # knows the largest size only from an open link
            except BaseException:
                await self._close_sender()
                raise

    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        # The lock keeps the order: two calls never interleave.
        async with self._sending:
            spans = [_span(event) for event in events]
            try:
                await self._send(
                    [_message(event, traceparent(span)) for event, span in zip(events, spans, strict=True)]
                )
            except BaseException as error:
                for span in spans:
                    mark_failed(span, error)
                raise
            finally:
                for span in spans:
                    span.end()

    async def publish_again(self, events: Sequence[OutboxEvent]) -> None:
        """Without spans: a second one would be in the trace of every request, although the topic drops the message."""
        async with self._sending:
            await self._send([_message(event, event.traceparent) for event in events])

    async def _send(self, messages: Sequence[ServiceBusMessage]) -> None:
        """Sends the messages within the timeout. Raises PublisherUnavailable."""
        try:
            async with asyncio.timeout(self._settings.service_bus_timeout_seconds):
                await self._send_in_batches(messages)
        except BaseException as error:
            # Any failure may have left the sender broken; the next attempt opens another.
            await self._close_sender()
            if isinstance(error, AzureError | OSError | TimeoutError):
                raise PublisherUnavailable("Service Bus does not respond.", RETRY_AFTER_SECONDS) from error
            raise

    async def _send_in_batches(self, messages: Sequence[ServiceBusMessage]) -> None:
        sender = self._open()
        batch = await sender.create_message_batch()
        for message in messages:
            try:
                batch.add_message(message)
            except MessageSizeExceededError:
                await sender.send_messages(batch)
                batch = await sender.create_message_batch()
                batch.add_message(message)
        await sender.send_messages(batch)

    def _open(self) -> ServiceBusSender:
        if self._sender is None:
            self._client = self._new_client()
            self._sender = self._client.get_topic_sender(TOPIC)
        return self._sender

    def _new_client(self) -> ServiceBusClient:
        if self._settings.service_bus_connection:
            connection = self._settings.service_bus_connection.get_secret_value()
            return ServiceBusClient.from_connection_string(connection, **SDK_OPTIONS)
        credential = managed_identity(self._settings.service_bus_connection__client_id)
        namespace = self._settings.service_bus_connection__namespace or ""
        return ServiceBusClient(namespace, credential, **SDK_OPTIONS)

    async def close(self) -> None:
        """Closes the sender; the next call of `publish` opens another."""
        await self._opening.close()
        await self._close_sender()

    async def _close_sender(self) -> None:
        sender, client = self._sender, self._client
        self._sender = self._client = None
        for resource in (sender, client):
            if resource:
                try:
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await resource.close()
                except (AzureError, OSError, TimeoutError):
                    pass


def _span(outbox: OutboxEvent) -> Span:
    """A span for sending the event, in the trace of the request that caused it."""
    return message_span(
        f"send {TOPIC}",
        outbox.traceparent,
        messaging_system="servicebus",
        messaging_destination_name=TOPIC,
        messaging_message_id=outbox.id,
    )


def _message(outbox: OutboxEvent, parent: str | None) -> ServiceBusMessage:
    return ServiceBusMessage(
        json.dumps(outbox.event, ensure_ascii=False),
        message_id=outbox.id,
        subject=outbox.event_type,
        correlation_id=outbox.customer_id,
        content_type=CONTENT_TYPE,
        application_properties={"traceparent": parent} if parent else None,
    )
