"""How soon the read model follows: after a load, and after a single cancellation."""

import asyncio
import time

import aiohttp

from shared.resources import CUSTOMER_VIEWS
from tools.play.system import System

POLL_SECONDS = 0.01
ARRIVAL_SECONDS = 30


async def seconds_until_all_visible(system: System, expected: int, limit: float) -> tuple[float, int]:
    """How long it takes until `expected` views are there, or `limit` seconds have passed; and how many are."""
    before = time.monotonic()
    while True:
        waited = time.monotonic() - before
        [count] = await system.query(CUSTOMER_VIEWS, "SELECT VALUE COUNT(1) FROM c WHERE c.status = 'REGISTERED'")
        if count >= expected or waited > limit:
            return waited, count
        await asyncio.sleep(0.5)


async def cancel_to_view(gateway: str, samples: int) -> list[float]:
    """Seconds from sending DELETE until the view says CANCELED, one customer after the other."""
    details = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}
    durations = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
        for _ in range(samples):
            async with http.post(f"{gateway}/customers", json=details) as response:
                customer_id = (await response.json(content_type=None))["id"]
            await _until(http, f"{gateway}/customerViews/{customer_id}", "REGISTERED")
            before = time.perf_counter()
            async with http.delete(f"{gateway}/customers/{customer_id}") as response:
                response.raise_for_status()
            await _until(http, f"{gateway}/customerViews/{customer_id}", "CANCELED")
            durations.append(time.perf_counter() - before)
    return durations


async def _until(http: aiohttp.ClientSession, url: str, status: str) -> None:
    async with asyncio.timeout(ARRIVAL_SECONDS):
        while True:
            async with http.get(url) as response:
                if response.status == 200 and (await response.json(content_type=None))["status"] == status:
                    return
            await asyncio.sleep(POLL_SECONDS)
