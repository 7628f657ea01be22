"""Sweeping the outbox: every event is sent once more a few minutes later, in case it was never published.

The change feed of event-publisher is not enough: docs/decisions/0020-sweeping-the-outbox.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from shared.domain.identifiers import Clock, first_uuid7
from shared.domain.outbox import OutboxEvent
from shared.use_cases.marks import Marks
from shared.use_cases.paged_run import LookedAt, PagedRun

# By then event-publisher is done with an event, and the event is stored: its id is a little older than its batch, which
# the SDK may have repeated, and the clocks of two instances differ.
SWEPT_AFTER: Final = timedelta(minutes=5)
# With SWEPT_AFTER this is less than the ten minutes for which the topic knows an event, with a minute left for the run.
MINUTES_BETWEEN_SWEEPS: Final = 4
# As many as event-publisher sends at once: their events fit into one batch of the topic.
EVENTS_A_PAGE: Final = 200
# A namespace of Service Bus takes 1,000 operations a second for everything. A sweep lasts 200 of the 240 seconds whose
# events it sends, so at this pace it keeps up with some 300 events a second, and leaves more than half to publishing.
EVENTS_A_SECOND: Final = 400
LONGEST_SWEEP_SECONDS: Final = 200
SWEEP: Final = PagedRun("sweeping the outbox", EVENTS_A_SECOND, LONGEST_SWEEP_SECONDS)


@dataclass(frozen=True)
class OutboxPage:
    """Some documents of the outbox, in the order of their ids. `last_id`: of the last, readable or not; None: empty."""

    events: Sequence[OutboxEvent]
    last_id: str | None
    is_last: bool


class SweptOutbox(Protocol):
    async def page(self, after: str, before: str, size: int) -> OutboxPage:
        """At most `size` documents with ids between the two, which are excluded. Raises StoreUnavailable."""


class RepeatingPublisher(Protocol):
    async def publish_again(self, events: Sequence[OutboxEvent]) -> None:
        """Sends the events in order; the topic drops those it has seen. Raises PublisherUnavailable."""


@dataclass(frozen=True)
class SweepOutbox:
    """Sends again each event that has become five minutes old since the last sweep.

    Nothing is recorded at an event. The topic drops what was published in time, and everything that reads events
    recognises those that it has seen. One that has expired is stored anew instead, if its customer is still one, and is
    sent from there. `seconds`: a clock that never goes back.
    """

    outbox: SweptOutbox
    marks: Marks
    publisher: RepeatingPublisher
    clock: Clock
    seconds: Callable[[], float]
    renew: Callable[[OutboxEvent], Awaitable[bool]]

    async def __call__(self) -> None:
        """Sweeps, and ends early once another sweep is faster. Raises StoreUnavailable, PublisherUnavailable."""
        await SWEEP(self.marks, self.seconds, partial(self._send_again, self.clock()))

    async def _send_again(self, now: datetime, after: str) -> LookedAt:
        page = await self.outbox.page(after, first_uuid7(now - SWEPT_AFTER), EVENTS_A_PAGE)
        for expired in (event for event in page.events if event.expires_at <= now):
            await self.renew(expired)
        if current := [event for event in page.events if event.expires_at > now]:
            await self.publisher.publish_again(current)
        return LookedAt(len(page.events), page.last_id or after, page.is_last)
