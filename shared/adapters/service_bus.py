"""Publishing to the Service Bus topic: in order, in as few batches as possible, with a timeout."""

import json
from collections.abc import Sequence

from azure.servicebus import ServiceBusMessage
from opentelemetry.trace import Span

from shared.adapters.entity_sender import EntitySender
from shared.adapters.opening import Opening
from shared.domain.events import CONTENT_TYPE
from shared.domain.outbox import OutboxEvent
from shared.resources import TOPIC
from shared.settings import Settings
from shared.telemetry import mark_failed, message_span, traceparent


class ServiceBusEventPublisher:
    """One sender for each process, opened at the start or at first use, and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._topic = EntitySender(settings, lambda client: client.get_topic_sender(TOPIC))
        self._opening = Opening("the sender of Service Bus", settings.ssak8_warm_start_seconds)

    def open_at_start(self) -> None:
        """Begins to open the sender, on the running event loop."""
        self._opening.start(self._topic.open)

    async def opened(self) -> None:
        """Returns once it is open, or could not be opened within SSAK8_WARM_START_SECONDS of the start."""
        await self._opening.wait()

    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        async with self._topic.in_turn():
            spans = [_span(event) for event in events]
            try:
                await self._topic.send(
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
        async with self._topic.in_turn():
            await self._topic.send([_message(event, event.traceparent) for event in events])

    async def close(self) -> None:
        """Closes the sender; the next call of `publish` opens another."""
        await self._opening.close()
        await self._topic.close()


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
