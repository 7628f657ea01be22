"""How soon the read model is up to date: after a load, and after a single cancellation."""

import asyncio
import time

from shared.resources import CUSTOMER_VIEWS
from tools.play.local_system import LocalSystem
from tools.play.system import System

CALL_SECONDS = 10  # far beyond any response of an idle system
VIEW_SECONDS = 30  # far beyond the quarter of a second that a view takes
POLL_SECONDS = 0.01  # the precision of the measured latency
COUNT_SECONDS = 0.5  # counting all views is a load of its own


async def seconds_until_all_visible(system: LocalSystem, expected: int, limit: float) -> tuple[float, int]:
    """Waits until there are `expected` views, at most `limit` seconds. Returns the seconds and the number of views."""
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        [count] = await system.query(CUSTOMER_VIEWS, "SELECT VALUE COUNT(1) FROM c WHERE c.status = 'REGISTERED'")
        if count >= expected or waited > limit:
            return waited, count
        await asyncio.sleep(COUNT_SECONDS)


async def cancel_to_view(gateway: str, samples: int) -> list[float]:
    """Seconds from sending DELETE until the view says CANCELED, one customer after the other."""
    durations = []
    async with System.at(gateway, CALL_SECONDS) as system:
        for _ in range(samples):
            customer_id = await system.register()
            await system.wait_for_view(customer_id, "REGISTERED", VIEW_SECONDS, POLL_SECONDS)
            start = time.perf_counter()
            await system.cancel(customer_id)
            await system.wait_for_view(customer_id, "CANCELED", VIEW_SECONDS, POLL_SECONDS)
            durations.append(time.perf_counter() - start)
    return durations
