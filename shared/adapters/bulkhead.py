"""A bulkhead: a limited number of calls run, a limited number wait, and any other is refused at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BulkheadFull(Exception):
    """The limit of waiting calls is reached."""


class Bulkhead:
    """Keeps a slow callee from using up its caller's resources."""

    def __init__(self, concurrent: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._admissible = concurrent + waiting

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A slot for one call, at once or after waiting. Raises BulkheadFull."""
        # Running and waiting calls share one counter: a task that just got a slot from the semaphore has not run yet.
        if self._admissible == 0:
            raise BulkheadFull
        self._admissible -= 1
        try:
            async with self._slots:
                yield
        finally:
            self._admissible += 1
