"""Opening connections when a process starts, outside any call's time: docs/decisions/0019-warm-start.md."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)

# Long enough for a dozen answers that take a second each, as on a platform that is starting up itself.
ATTEMPT_SECONDS: Final = 30
# The callee may be starting just now, or be down for hours.
FIRST_WAIT_SECONDS: Final = 1
LONGEST_WAIT_SECONDS: Final = 60


class Opening:
    """Opens something in the background, and lets the first calls wait for it.

    What fails is tried again in the background, without holding up calls: they open it themselves, as in a process
    where nothing was started.
    """

    def __init__(self, name: str, longest_wait_seconds: float) -> None:
        """`longest_wait_seconds`: after the start, no call waits any longer."""
        self._name = name
        self._longest_wait_seconds = longest_wait_seconds
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._deadline = 0.0

    def start(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Begins, on the running event loop. `attempt` opens, and may be called again after it has failed."""
        if self._task is None:
            self._deadline = time.monotonic() + self._longest_wait_seconds
            self._task = asyncio.create_task(self._run(attempt), name=f"open {self._name}")

    async def wait(self) -> None:
        """Returns once the first attempt is over, or too late to wait for it; at once if nothing was started."""
        if self._task is None or self._tried.is_set():
            return
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                await self._tried.wait()
        except TimeoutError:
            pass

    async def _run(self, attempt: Callable[[], Awaitable[None]]) -> None:
        pause: float = FIRST_WAIT_SECONDS
        while not await self._succeeds(attempt):
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_WAIT_SECONDS)
        self._tried.set()

    async def _succeeds(self, attempt: Callable[[], Awaitable[None]]) -> bool:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await attempt()
        except Exception as error:  # nothing may end the background task
            log.warning("%s could not be opened at the start: %s", self._name, type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        """Ends the background task."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
