"""Publishing what was committed: outbox events go from the change feed to the topic, in feed order."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from shared.domain.events import CustomerEvent
from shared.domain.record import Record

log = logging.getLogger(__name__)


class OutboxEvent(Record):
    """An event as it waits in the outbox. `traceparent`: of the request that caused it (W3C Trace Context)."""

    event: CustomerEvent
    traceparent: str | None = None


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
        return OutboxEvent.model_validate(document)
    except ValidationError as error:
        # It would stop all later events for ever. It stays in the container; mended there, it comes in the feed again.
        fields = ", ".join(".".join(map(str, part["loc"])) for part in error.errors())
        log.error("outbox document %s is not a known event, not published; wrong: %s", document.get("id"), fields)  # noqa: TRY400
        return None
