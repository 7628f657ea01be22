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
        self._free_waiting_places = waiting

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for one call, at once or after waiting. Raises BulkheadFull."""
        if self._places.locked():
            if self._free_waiting_places == 0:
                raise BulkheadFull
            self._free_waiting_places -= 1
            try:
                await self._places.acquire()
            finally:
                self._free_waiting_places += 1
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()
