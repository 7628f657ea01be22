"""How far the read model is behind: on an idle system, and under load."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from local_azure.stack import Stack
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS
from tools.bench import load, views
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import milliseconds
from tools.bench.options import option
from tools.bench.original import original, shown
from tools.bench.views import Latencies, stored
from tools.play.local_system import LocalSystem

IDLE_POLL_SECONDS = 0.01
LOADED_POLL_SECONDS = 0.05  # each look is a call of its own, beside a load that leaves no room
SETTLE_SECONDS = 3  # the first views of a load are not behind yet
BACKLOG_SECONDS = 2.0  # counting is a load of its own


@dataclass(frozen=True)
class Options:
    samples: int = option(30, "customers on the idle system", scales=True)
    seconds: int = option(30, "how long users register meanwhile", scales=True)
    at_once: int = option(4, "customers that are timed at a time under load")


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        bench.say(f"  {options.samples} customers on the idle system …")
        idle = asyncio.run(views.samples(stack.url("gateway"), options.samples, IDLE_POLL_SECONDS))
        bench.say(f"  {bench.users} users register for {options.seconds} s …")
        loaded, backlog = asyncio.run(under_load(bench, stack, options))
    users = f"{bench.users} users"
    show(bench, {"idle": idle, users: loaded})
    bench.say(f"  registered, but not in customerViews: at most {max(backlog, default=0):,}")
    was = original().latency
    return [
        Row(
            f"cancel → view, idle; {users}",
            f"{median(idle.cancelled)}; {median(loaded.cancelled)} "
            f"(p95 {milliseconds(loaded.cancelled, 95)}, longest {milliseconds(loaded.cancelled, 100)})",
            f"{shown(was.idle_milliseconds)}; {shown(was.loaded_milliseconds)} ms (median)",
        ),
        Row(
            f"register → view, idle; {users}",
            f"{median(idle.registered)}; {median(loaded.registered)} (p95 {milliseconds(loaded.registered, 95)}, "
            f"longest {milliseconds(loaded.registered, 100)})",
            "no view",
        ),
    ]


async def under_load(bench: Bench, stack: Stack, options: Options) -> tuple[Latencies, list[int]]:
    """The latencies, and how many customers had no view yet, looked at every two seconds. Raises LoadError."""
    plan = bench.plan(stack, options.seconds)
    with load.Load(bench.generator, plan) as running:
        settle = min(SETTLE_SECONDS, options.seconds / 2)
        await asyncio.sleep(settle)
        seconds = options.seconds - settle
        latencies, backlog = await asyncio.gather(
            views.samples_for(stack.url("gateway"), seconds, options.at_once, LOADED_POLL_SECONDS),
            watch_backlog(stack, seconds),
        )
        await asyncio.to_thread(running.result)
    return latencies, backlog


async def watch_backlog(stack: Stack, seconds: float) -> list[int]:
    found = []
    end = asyncio.get_running_loop().time() + seconds
    async with LocalSystem.of(stack) as system:
        while asyncio.get_running_loop().time() < end:
            kept = await stored(system)
            # Cancelled customers have a view and are no customers: it is a few of many.
            found.append(max(0, kept[CUSTOMERS] - kept[CUSTOMER_VIEWS]))
            await asyncio.sleep(BACKLOG_SECONDS)
    return found


def median(values: Sequence[float]) -> str:
    return milliseconds(values, 50)


def show(bench: Bench, measured: dict[str, Latencies]) -> None:
    rows = []
    for state, found in measured.items():
        for what, values in (("register → view", found.registered), ("cancel → view", found.cancelled)):
            figures = [milliseconds(values, percent) for percent in (50, 95, 100)]
            rows.append([f"{what}, {state}", str(len(values)), *figures])
        if found.refused:
            rows.append([f"refused, {state}", str(found.refused), "", "", ""])
    bench.table(("", "samples", "median", "p95", "longest"), rows)


MEASUREMENT = Measurement("latency", "registering and cancelling → view, idle and under load", Options, measure)
