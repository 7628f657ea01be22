"""Storing events anew that could not be published for days, so that no outage of Service Bus costs a view.

Events leave the outbox in time for a customer who cancels now. As long as nobody has cancelled, nothing has to be
forgotten: docs/decisions/0034-forgetting.md.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from shared.domain.events import EventType
from shared.domain.identifiers import first_uuid7
from shared.domain.outbox import OutboxEvent
from shared.use_cases.forgetting import DatabaseClock
from shared.use_cases.marks import Marks
from shared.use_cases.sweeping import SweptOutbox

log = logging.getLogger(__name__)

# Of the time for which an event lives in the outbox. Until the rest is over, the runs that renew it may fail.
RENEWED_AFTER: Final = 0.6
EVENTS_A_PAGE: Final = 100
# Each is a batch of three operations. Registering goes on meanwhile.
EVENTS_A_SECOND: Final = 50
# Beside a sweep, which has most of the four minutes.
LONGEST_RUN_SECONDS: Final = 30


class RenewableOutbox(SweptOutbox, Protocol):
    async def renew(self, event: OutboxEvent) -> bool:
        """Stores it as a new document instead of the old one, as if it had just happened, if its customer is one still.

        False: the customer has cancelled, or the old document has expired. Raises StoreUnavailable.
        """


@dataclass(frozen=True)
class RenewOutbox:
    """Renews what no sweep has sent for three days. The new documents are published, swept and renewed like any others.

    `lifetime`: of an event in the outbox. `seconds`: a clock that never goes back.
    """

    outbox: RenewableOutbox
    marks: Marks
    clock: DatabaseClock
    seconds: Callable[[], float]
    lifetime: timedelta

    async def __call__(self) -> None:
        """In normal times it reads the mark of the sweep, and nothing else. Raises StoreUnavailable."""
        started = self.seconds()
        before = first_uuid7(await self.clock.now() - self.lifetime * RENEWED_AFTER)
        after, renewed = (await self.marks.read()).position, 0
        while after < before and self.seconds() - started < LONGEST_RUN_SECONDS:
            page = await self.outbox.page(after, before, EVENTS_A_PAGE)
            if page.last_id is None:
                break
            renewed += await self._renew(page.events)
            if page.is_last:
                break
            after = page.last_id
            await asyncio.sleep(len(page.events) / EVENTS_A_SECOND)
        if renewed:
            log.warning("%d events that were not published for days were stored anew", renewed)

    async def _renew(self, events: Sequence[OutboxEvent]) -> int:
        """How many were renewed."""
        return sum([await self.outbox.renew(event) for event in events if event.event_type != EventType.CANCELED])
