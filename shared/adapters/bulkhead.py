"""A bulkhead: so many calls at once, so many waiting, and the rest is refused at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BulkheadFull(Exception):
    """As many calls as may wait are waiting already."""


class Bulkhead:
    """Keeps a slow callee from taking everything its caller has."""

    def __init__(self, concurrent: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(concurrent)
        self._admissible = concurrent + waiting

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for one call, at once or after waiting. Raises BulkheadFull."""
        # Running and waiting calls are counted as one: whoever was just given a place does not know it yet.
        if self._admissible == 0:
            raise BulkheadFull
        self._admissible -= 1
        try:
            async with self._places:
                yield
        finally:
            self._admissible += 1
