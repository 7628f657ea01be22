"""Stays connected to a service that may go down, freeze and come back at any time."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Protocol

logger = logging.getLogger(__name__)

# Seconds between attempts to connect: short, because developers restart services often.
FIRST_DELAY = 0.2
LONGEST_DELAY = 2.0
MAX_DESCRIPTION = 200  # characters of an error in the log
CLOSE_TIMEOUT = 1.0  # seconds; a frozen peer does not answer a close either, and must not delay the next attempt


def backoff() -> Iterator[float]:
    """Seconds before each next attempt: doubling, up to LONGEST_DELAY."""
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 2, LONGEST_DELAY)


class Outage:
    """Logs the start and the end of each outage of a service."""

    def __init__(self, subject: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._subject = subject
        self._clock = clock
        self._since: float | None = None
        self._delays = backoff()

    def failed(self, error: BaseException) -> float:
        """Call after a failed attempt. Returns the seconds to wait before the next one."""
        if self._since is None:
            self._since = self._clock()
            logger.warning("%s: lost: %s; retrying until it is back", self._subject, describe(error))
        return next(self._delays)

    def over(self) -> None:
        """Call when the service has answered."""
        if self._since is not None:
            logger.info("%s: back after %.1f s", self._subject, self._clock() - self._since)
            self._since = None
            self._delays = backoff()


def describe(error: BaseException) -> str:
    """Type and first line of an error, short enough for one log line."""
    text = str(error).partition("\n")[0][:MAX_DESCRIPTION]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class StopSignal:
    """True once the listener is to stop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    async def wait(self, seconds: float) -> None:
        """Waits for `seconds`, or until the signal is set."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass


class Closeable(Protocol):
    async def close(self) -> None: ...


class Session:
    """One connection to a service. Closes its clients at its end, the last one first."""

    def __init__(self, clients: AsyncExitStack) -> None:
        self._clients = clients

    def opened[Client: Closeable](self, client: Client) -> Client:
        """Returns `client`, to be closed by this session."""
        self._clients.push_async_callback(_close, client)
        return client


async def _close(client: Closeable) -> None:
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()


async def stay_connected(serve: Callable[[Session], Awaitable[None]], outage: Outage, stopping: StopSignal) -> None:
    """Runs `serve` in a session until stopped; after every failure again, in a new session."""
    while not stopping:
        try:
            async with AsyncExitStack() as clients:
                await serve(Session(clients))
        except Exception as error:  # a listener must survive anything
            await stopping.wait(outage.failed(error))
