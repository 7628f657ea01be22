"""Work that takes longer than a slice, of several requests in turn, between the other requests.

On the event loop, not in a thread: Python's global lock would let the thread and the loop take turns too, of five
milliseconds each, and only one of them would ever run.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator

from local_azure.cosmos.wire.messages import Response

type Work = Generator[None, None, Response]
"""A response in the making: each step is a slice."""


class Slices:
    """One slice of one request in each turn of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], bool]] = deque()
        self._scheduled = False

    def add(self, step: Callable[[], bool]) -> None:
        """`step` does the next slice, and returns whether there are more."""
        self._waiting.append(step)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._waiting:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        step = self._waiting.popleft()
        try:
            if step():
                self._waiting.append(step)
        finally:
            self._schedule()
