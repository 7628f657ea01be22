"""Publishing to the Service Bus topic: in order, in as few batches as possible, with a timeout.

Every message expires when its event does. One that has expired already is not sent: docs/decisions/0034-forgetting.md.
"""

import json
import logging
from collections.abc import Sequence

from azure.servicebus import ServiceBusMessage
from opentelemetry.trace import Span

from shared.adapters.entity_sender import EntitySender
from shared.adapters.opening import Opening
from shared.domain.events import CONTENT_TYPE
from shared.domain.forgetting import message_lifetime
from shared.domain.identifiers import utc_now
from shared.domain.outbox import OutboxEvent
from shared.resources import TOPIC
from shared.settings import Settings
from shared.telemetry import mark_failed, message_span, traceparent

log = logging.getLogger(__name__)


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
        events = _without_expired(events)
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
        events = _without_expired(events)
        async with self._topic.in_turn():
            await self._topic.send([_message(event, event.traceparent) for event in events])

    async def close(self) -> None:
        """Closes the sender; the next call of `publish` opens another."""
        await self._opening.close()
        await self._topic.close()


def _without_expired(events: Sequence[OutboxEvent]) -> Sequence[OutboxEvent]:
    now = utc_now()
    current = [event for event in events if event.expires_at > now]
    if expired := len(events) - len(current):
        log.warning("%d events have expired, and are not published", expired)
    return current


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
        time_to_live=message_lifetime(outbox.expires_at, utc_now()),
        application_properties={"traceparent": parent} if parent else None,
    )
