"""Staying connected to a service that may be down, freeze or come back at any time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Protocol

logger = logging.getLogger(__name__)

FIRST_DELAY = 0.2
LONGEST_DELAY = 2.0
CLOSE_TIMEOUT = 1.0  # seconds; a frozen peer does not answer a close either, and must not delay the next try


def backoff() -> Iterator[float]:
    """Seconds to wait before each next try: doubling, up to LONGEST_DELAY."""
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 2, LONGEST_DELAY)


class Outage:
    """Tells the log once that a service is gone, and once that it is back."""

    def __init__(self, subject: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._subject = subject
        self._clock = clock
        self._since: float | None = None
        self._delays = backoff()

    def failed(self, error: BaseException) -> float:
        """Notes a failed try. Returns how many seconds to wait before the next."""
        if self._since is None:
            self._since = self._clock()
            logger.warning("%s: lost: %s; trying again until it is back", self._subject, describe(error))
        return next(self._delays)

    def over(self) -> None:
        """Notes that the service answered."""
        if self._since is not None:
            logger.info("%s: back after %.1f s", self._subject, self._clock() - self._since)
            self._since = None
            self._delays = backoff()


def describe(error: BaseException) -> str:
    """Kind and first line of an error, short enough for one log line."""
    text = str(error).partition("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Stopping:
    """Asked to stop, or not yet."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def ask(self) -> None:
        self._asked.set()

    def __bool__(self) -> bool:
        return self._asked.is_set()

    async def wait(self, seconds: float) -> None:
        """Returns after `seconds`, or at once when asked to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            pass


class Closeable(Protocol):
    async def close(self) -> None: ...


class Session:
    """One connection to a service: the clients it opened are closed at its end, the last one first."""

    def __init__(self, clients: AsyncExitStack) -> None:
        self._clients = clients

    def opened[Client: Closeable](self, client: Client) -> Client:
        """Returns `client`, which this session closes."""
        self._clients.push_async_callback(_close, client)
        return client


async def _close(client: Closeable) -> None:
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()


async def stay_connected(serve: Callable[[Session], Awaitable[None]], outage: Outage, stopping: Stopping) -> None:
    """Runs `serve` in a session until asked to stop, in a new one after every failure."""
    while not stopping:
        try:
            async with AsyncExitStack() as clients:
                await serve(Session(clients))
        except Exception as error:  # the outermost edge of a listener, which must survive anything
            await stopping.wait(outage.failed(error))
