"""Publishing what was committed: the outbox goes from the change feed to the topic, and attempts to their queue."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.domain.outbox import OutboxAttempt, OutboxEvent, UnreadableOutboxDocument

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outbox:
    """What some stored documents hold to be sent, each kind in the order of the documents."""

    events: Sequence[OutboxEvent]
    attempts: Sequence[OutboxAttempt] = ()


class EventPublisher(Protocol):
    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        """Sends the events in order; the topic drops those it has seen. Raises PublisherUnavailable."""


class AttemptScheduler(Protocol):
    async def send_from_outbox(self, entries: Sequence[OutboxAttempt]) -> None:
        """Each is delivered when it is due; the queue drops what it has seen. Raises PublisherUnavailable."""


@dataclass(frozen=True)
class PublishOutbox:
    """What is sent twice is recognised by its id; an event that was not published is swept up: sweeping.py."""

    publisher: EventPublisher
    attempts: AttemptScheduler
    record_age: Callable[[datetime], None]

    async def __call__(self, outbox: Outbox) -> None:
        """Publishes the events, records how old each is, and sends the attempts. Raises PublisherUnavailable."""
        if outbox.events:
            await self.publisher.publish(outbox.events)
            for event in outbox.events:
                self.record_age(event.happened_at)
        if outbox.attempts:
            await self.attempts.send_from_outbox(outbox.attempts)


def read_outbox(documents: Iterable[Mapping[str, Any]]) -> Outbox:
    """What is to be sent among stored documents.

    An unreadable one is logged and left out, because it would hold up all later ones for ever. It stays in the
    container; once it is corrected there, it comes with the change feed again.
    """
    events, attempts = [], []
    for document in documents:
        try:
            if event := OutboxEvent.read(document):
                events.append(event)
            elif attempt := OutboxAttempt.read(document):
                attempts.append(attempt)
        except UnreadableOutboxDocument as unreadable:
            log.error("%s", unreadable)  # noqa: TRY400  # a stack trace adds nothing
    return Outbox(events, attempts)
