"""Publishing what was committed: outbox events go from the change feed to the topic, in feed order."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import ValidationError

from shared.domain.record import Record

log = logging.getLogger(__name__)


class OutboxEvent(Record):
    """An event as it waits in the outbox. `event` is the CloudEvent, passed on as it was stored.

    Only what a message needs is looked at: another version of this code may have written more, and other types.
    `traceparent`: of the request that caused it (W3C Trace Context).
    """

    id: str
    customer_id: str
    event: dict[str, Any]
    traceparent: str | None = None

    @property
    def happened_at(self) -> datetime:
        """When it happened. Raises ValueError, TypeError."""
        time = datetime.fromisoformat(self.event["time"])
        if time.tzinfo is None:
            raise ValueError("a time without its offset is no moment")
        return time

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])


class EventPublisher(Protocol):
    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        """Sends the events in order; the topic drops what it has seen. Raises PublisherUnavailable."""


@dataclass(frozen=True)
class PublishOutbox:
    """What is published once too often is recognised by its event id; what is not published comes again."""

    publisher: EventPublisher

    async def __call__(self, documents: Iterable[Mapping[str, Any]]) -> int:
        """Publishes the outbox events among changed documents; returns how many. Raises PublisherUnavailable."""
        events = [event for document in documents if document.get("type") == "event" and (event := _read(document))]
        if events:
            await self.publisher.publish(events)
        return len(events)


def _read(document: Mapping[str, Any]) -> OutboxEvent | None:
    try:
        outbox = OutboxEvent.model_validate(document)
        readable = isinstance(outbox.event["type"], str) and bool(outbox.happened_at)
    except (ValidationError, LookupError, ValueError, TypeError):
        readable = False
    if not readable:
        # It would stop all later events for ever. It stays in the container; mended there, it comes in the feed again.
        log.error("outbox document %s is no event: not published", document.get("id"))
        return None
    return outbox
