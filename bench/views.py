"""How soon the read model follows: after a load, and after a single cancellation."""

import asyncio
import time

import aiohttp

POLL_SECONDS = 0.01
ARRIVAL_SECONDS = 30


async def count_registrations(http: aiohttp.ClientSession, gateway: str) -> int:
    """How many customers have a view that says REGISTERED."""
    count, url = 0, f"{gateway}/customerViews?size=100"
    while url:
        async with http.get(url) as response:
            page = await response.json(content_type=None)
        count += sum(view["status"] == "REGISTERED" for view in page["_embedded"]["customerViews"])
        url = page["_links"].get("next", {}).get("href", "")
    return count


async def seconds_until_all_visible(gateway: str, expected: int, deadline: float) -> tuple[float, int]:
    """How long it takes until `expected` views are there, or `deadline` seconds have passed; and how many are."""
    before = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as http:
        while True:
            waited = time.monotonic() - before
            count = await count_registrations(http, gateway)
            if count >= expected or waited > deadline:
                return waited, count
            await asyncio.sleep(1)


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
