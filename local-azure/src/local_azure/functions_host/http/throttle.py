"""`maxConcurrentRequests` and `maxOutstandingRequests` of host.json; -1 is unbounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Throttle:
    """At most `concurrent` requests run, and at most `outstanding` run or wait; the next gets 429."""

    def __init__(self, concurrent: int, outstanding: int) -> None:
        self._running = asyncio.Semaphore(concurrent) if concurrent > 0 else None
        self._limit = outstanding if outstanding > 0 else None
        self._outstanding = 0
        self.unbounded = self._running is None and self._limit is None

    @property
    def is_full(self) -> bool:
        """Whether the next request is refused."""
        return self._limit is not None and self._outstanding >= self._limit

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Waits until the request may run."""
        self._outstanding += 1
        try:
            if self._running is None:
                yield
            else:
                async with self._running:
                    yield
        finally:
            self._outstanding -= 1
