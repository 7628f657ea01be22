"""How soon the read model is up to date: after a load, after a registration, and after a cancellation."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.play.local_system import LocalSystem
from tools.play.system import System, UnexpectedResponse

CALL_SECONDS = 15  # far beyond any response of a busy system
VIEW_SECONDS = 60  # far beyond the quarter of a second that a view takes
COUNT_SECONDS = 0.5  # counting all views is a load of its own
ALL_VISIBLE_SECONDS = 60
REFUSED_PAUSE_SECONDS = 0.5


@dataclass
class Latencies:
    """Seconds from sending the request until the view says so, of each sample; `refused`: calls that were not taken."""

    registered: list[float] = field(default_factory=list)
    cancelled: list[float] = field(default_factory=list)
    refused: int = 0


async def stored(system: LocalSystem) -> dict[str, int]:
    """How many customers, messages and views there are: other documents share their containers."""
    counted_types = {CUSTOMERS: "c.type = 'customer'", KAKAOS: "c.type = 'message'", CUSTOMER_VIEWS: "true"}
    return {
        name: (await system.query(name, f"SELECT VALUE COUNT(1) FROM c WHERE {which}"))[0]  # noqa: S608 constants
        for name, which in counted_types.items()
    }


async def seconds_until_all_visible(system: LocalSystem) -> tuple[float, int]:
    """Waits until every customer has a view, for a while. Returns the seconds, and the number of those without."""
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        kept = await stored(system)
        missing = max(0, kept[CUSTOMERS] - kept[CUSTOMER_VIEWS])
        if not missing or waited > ALL_VISIBLE_SECONDS:
            return waited, missing
        await asyncio.sleep(COUNT_SECONDS)


async def sample(system: System, found: Latencies, poll_seconds: float) -> None:
    """Registers a customer, cancels the registration, and times both views. `poll_seconds`: the precision."""
    try:
        start = time.perf_counter()
        customer_id = await system.register()
        await system.wait_for_view(customer_id, "REGISTERED", VIEW_SECONDS, poll_seconds)
        found.registered.append(time.perf_counter() - start)
        start = time.perf_counter()
        await system.cancel(customer_id)
        await system.wait_for_view(customer_id, "CANCELED", VIEW_SECONDS, poll_seconds)
        found.cancelled.append(time.perf_counter() - start)
    except (UnexpectedResponse, aiohttp.ClientError):
        found.refused += 1
        await asyncio.sleep(REFUSED_PAUSE_SECONDS)


async def samples(gateway: str, count: int, poll_seconds: float) -> Latencies:
    """One customer after the other."""
    found = Latencies()
    async with System.at(gateway, CALL_SECONDS) as system:
        for _ in range(count):
            await sample(system, found, poll_seconds)
    return found


async def samples_for(gateway: str, seconds: float, at_once: int, poll_seconds: float) -> Latencies:
    """Several customers at a time, for some seconds; those that have begun are seen to their end."""
    found = Latencies()
    end = time.monotonic() + seconds

    async def repeat(system: System) -> None:
        while time.monotonic() < end:
            await sample(system, found, poll_seconds)

    async with System.at(gateway, CALL_SECONDS) as system:
        await asyncio.gather(*(repeat(system) for _ in range(at_once)))
    return found
