"""Waiting for what a system does asynchronously."""

import asyncio
import time
from collections.abc import Awaitable, Callable

EVENT_SECONDS = 60.0
"""How long the effect of an event may take on a local system, under load and after a restart."""

POLL_SECONDS = 0.05
"""Short beside what is waited for (tenths of a second), and few calls for the system."""


async def wait_until(
    holds: Callable[[], Awaitable[bool]],
    what: str,
    seconds: float = EVENT_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> float:
    """Polls until `holds` is true; returns how many seconds that took. Raises TimeoutError."""
    start = time.monotonic()
    while not await holds():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(poll_seconds)
    return time.monotonic() - start
