"""Making sure that cancelled customers are forgotten, also where their events never came.

Each app that keeps copies looks through all cancellations, which are stored with the change itself and hold nothing
personal: docs/decisions/0034-forgetting.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from shared.domain.cancellation import Cancellation
from shared.domain.forgetting import SETTLED_AFTER
from shared.domain.identifiers import first_uuid7
from shared.use_cases.marks import Marks
from shared.use_cases.paged_run import LookedAt, PagedRun

SCHEDULE: Final = "30 */5 * * * *"
"""Every five minutes, half a minute after the other timers."""

CANCELLATIONS_A_PAGE: Final = 100
# One or two reads each, and hardly ever a write: the events have usually come. So the database has time for customers.
CANCELLATIONS_A_SECOND: Final = 50
RUN: Final = PagedRun("forgetting customers", CANCELLATIONS_A_SECOND, longest_seconds=200)


@dataclass(frozen=True)
class CancellationPage:
    """In the order of their events. `last_id`: of the last event, readable or not; None: empty."""

    cancellations: Sequence[Cancellation]
    last_id: str | None
    is_last: bool


class StoredCancellations(Protocol):
    async def page(self, after: str, before: str, size: int) -> CancellationPage:
        """At most `size` whose events have ids between the two, which are excluded. Raises StoreUnavailable."""


class DatabaseClock(Protocol):
    async def now(self) -> datetime:
        """The time by which the database lets documents expire. Raises StoreUnavailable."""


@dataclass(frozen=True)
class FollowCancellations:
    """Forgets each customer once more, some ten minutes after the cancellation.

    Whatever was begun for the customer is stored by then: what is written later, is written by those who look first
    whether the customer has cancelled. `forget`: removes what is left, which is nothing if the events have come.
    `seconds`: a clock that never goes back.
    """

    cancellations: StoredCancellations
    marks: Marks
    clock: DatabaseClock
    forget: Callable[[Cancellation], Awaitable[None]]
    record_age: Callable[[datetime], None]
    seconds: Callable[[], float]

    async def __call__(self) -> None:
        """Goes on where the last run ended, and ends early once another run is faster. Raises StoreUnavailable."""
        before = first_uuid7(await self.clock.now() - SETTLED_AFTER)
        await RUN(self.marks, self.seconds, partial(self._forget, before))

    async def _forget(self, before: str, after: str) -> LookedAt:
        page = await self.cancellations.page(after, before, CANCELLATIONS_A_PAGE)
        for cancellation in page.cancellations:
            await self.forget(cancellation)
            self.record_age(cancellation.canceled_at)
        return LookedAt(len(page.cancellations), page.last_id or after, page.is_last)
