"""Publishing what was committed: outbox events go from the change feed to the topic, in feed order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.outbox import OutboxEvent


class EventPublisher(Protocol):
    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        """Sends the events in order; the topic drops those it has seen. Raises PublisherUnavailable."""


@dataclass(frozen=True)
class PublishOutbox:
    """An event published twice is recognised by its id; an event that was not published comes again with the feed."""

    publisher: EventPublisher
    record_age: Callable[[datetime], None]

    async def __call__(self, events: Sequence[OutboxEvent]) -> None:
        """Publishes the events, and records how old each is. Raises PublisherUnavailable."""
        if not events:
            return
        await self.publisher.publish(events)
        for event in events:
            self.record_age(event.happened_at)
