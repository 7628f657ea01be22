"""Work that takes longer than a slice, of several requests in turn, between the other requests.

On the event loop, not in a thread: Python's global lock would let the thread and the loop take turns too, of five
milliseconds each, and only one of them would ever run.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator

from local_azure.cosmos.limits import MOST_TURNS_LEFT_TO_OTHERS
from local_azure.cosmos.wire.messages import Response

type Work = Generator[None, None, Response]
"""A response in the making: each step is a slice."""


class Slices:
    """At most one slice in each turn of the event loop, and fewer while there are other requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], bool]] = deque()
        self._scheduled = False
        self._requests_came = False
        self._turns_left_to_others = 0

    def request_came(self) -> None:
        """To be called for each request: a slice then waits for a turn without any, though not for ever."""
        self._requests_came = True

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
        if self._requests_came and self._turns_left_to_others < MOST_TURNS_LEFT_TO_OTHERS:
            self._requests_came = False
            self._turns_left_to_others += 1
            self._schedule()
            return
        self._turns_left_to_others = 0
        step = self._waiting.popleft()
        try:
            if step():
                self._waiting.append(step)
        finally:
            self._schedule()
