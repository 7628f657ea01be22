"""Runs of a timer that look through stored documents, page by page at an even pace, and remember how far they came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.domain.errors import PreconditionFailed
from shared.use_cases.marks import Marks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LookedAt:
    """One page. `count`: of its documents. `last`: the position up to which it goes; that before it, if it is empty."""

    count: int
    last: str
    is_last: bool


@dataclass(frozen=True)
class PagedRun:
    """`what`: it does, for the log. `a_second`: at most so many documents, so that others have time as well.

    Runs of one timer do not overlap, so one that lasts longer than `longest_seconds` would use up the time of the next.
    What is left then is for the next.
    """

    what: str
    a_second: float
    longest_seconds: float

    async def __call__(
        self, marks: Marks, seconds: Callable[[], float], look_at: Callable[[str], Awaitable[LookedAt]]
    ) -> None:
        """Goes on where the last run ended, and ends early once another is faster. Raises StoreUnavailable.

        `look_at`: does what there is to do with the page after a position; what it raises ends the run. `seconds`: a
        clock that never goes back.
        """
        started, mark = seconds(), await marks.read()
        while seconds() - started < self.longest_seconds:
            page = await look_at(mark.position)
            # Without a new document the mark is not written: an idle system has no writes, and no changes in the feed.
            if page.last == mark.position:
                return
            try:
                mark = await marks.move(mark, page.last)
            except PreconditionFailed:
                log.info("%s: another run is faster", self.what)
                return
            if page.is_last:
                return
            await asyncio.sleep(page.count / self.a_second)
        log.warning("%s ended after %d s; the next run continues it", self.what, self.longest_seconds)
