"""From the start to the first customer, and how fast a system is that has just started."""

import time
from dataclasses import dataclass

import aiohttp

from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.options import option
from tools.bench.original import original, shown
from tools.play.local_system import LocalSystem
from tools.play.system import UnexpectedResponse
from tools.play.waiting import wait_until

POLL_SECONDS = 0.1
FIRST_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    seconds: int = option(60, "how long users register from the first answer on; its halves are compared", scales=True)


def measure(bench: Bench, options: Options) -> list[Row]:
    """Uses the built-in generator, because siege does not say when an answer came."""
    start = time.monotonic()
    with bench.stack() as stack:
        bench.with_system(stack, first_registration)
        first = time.monotonic() - start
        bench.say(f"  first 201 after {first:.2f} s; {bench.users} users register for {options.seconds} s …")
        result = load.run("built-in", bench.plan(stack, options.seconds))
    half = options.seconds / 2
    rates = [result.rate_between(*span) for span in ((0, 1), (0, half), (half, options.seconds))]
    failed = result.failures.total()
    was = original().start
    before = f"{shown(was.first_half_minute_rate)}/s, {shown(was.second_half_minute_rate)}/s"
    return [
        Row("start → first 201", f"{first:.1f} s", f"{shown(was.first_201_seconds)} s"),
        Row("the first second after it", f"{rates[0]:,.0f}/s"),
        Row(f"first {half:g} s, second {half:g} s", f"{rates[1]:,.0f}/s, {rates[2]:,.0f}/s, {failed} failed", before),
    ]


async def first_registration(system: LocalSystem) -> float:
    """Registers as soon as that works; returns the seconds."""

    async def registered() -> bool:
        try:
            await system.register()
        except (UnexpectedResponse, aiohttp.ClientError, TimeoutError):
            return False
        return True

    return await wait_until(registered, "a customer is registered", FIRST_SECONDS, POLL_SECONDS)


MEASUREMENT = Measurement(
    "start", "from the start to the first 201, and the rate in the minute after it", Options, measure
)
