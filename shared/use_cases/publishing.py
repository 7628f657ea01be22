"""Publishing what was committed: outbox events go from the change feed to the topic, in feed order."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.domain.outbox import OutboxEvent, UnreadableOutboxDocument

log = logging.getLogger(__name__)


class EventPublisher(Protocol):
    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        """Sends the events in order; the topic drops those it has seen. Raises PublisherUnavailable."""


@dataclass(frozen=True)
class PublishOutbox:
    """An event published twice is recognised by its id; an event that was not published is swept up: sweeping.py."""

    publisher: EventPublisher
    record_age: Callable[[datetime], None]

    async def __call__(self, events: Sequence[OutboxEvent]) -> None:
        """Publishes the events, and records how old each is. Raises PublisherUnavailable."""
        if not events:
            return
        await self.publisher.publish(events)
        for event in events:
            self.record_age(event.happened_at)


def read_outbox(documents: Iterable[Mapping[str, Any]]) -> list[OutboxEvent]:
    """The outbox events among stored documents, in their order.

    An unreadable one is logged and left out, because it would hold up all later events for ever. It stays in the
    container; once it is corrected there, it comes with the change feed again.
    """
    events = []
    for document in documents:
        try:
            if event := OutboxEvent.read(document):
                events.append(event)
        except UnreadableOutboxDocument as unreadable:
            log.error("%s", unreadable)  # noqa: TRY400  # a stack trace adds nothing
    return events
