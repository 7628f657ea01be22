"""Lists of a large system: how long each takes, and what one that is read all the time costs registering."""

import asyncio
import threading
import time
from dataclasses import dataclass

import aiohttp

from local_azure.stack import Stack
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import Answer, LoadResult, counted, milliseconds
from tools.bench.filling import fill
from tools.bench.options import option
from tools.bench.processes import Processes
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.system import System

CALL_SECONDS = 31.0  # a second longer than the gateway waits
MEGABYTE = 2**20


@dataclass(frozen=True)
class Options:
    kept: int = option(20_000, "customers, messages and views before it begins; 300000 takes minutes", scales=True)
    samples: int = option(30, "how often each list is read", scales=True)
    seconds: int = option(10, "how long users register, with and without a client that lists", scales=True)


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        before = Processes.of(stack).memory()["cosmos"]
        start = time.monotonic()
        bench.say(f"  storing {options.kept:,} customers, messages and views …")
        customer_id, templates = bench.with_system(stack, template)
        fill(stack, customer_id, templates, options.kept)
        bench.say(f"  stored in {time.monotonic() - start:.0f} s; each list {options.samples} times …")
        lists = asyncio.run(read_lists(stack.url("gateway"), options.samples))
        bench.say(f"  {bench.users} users for {options.seconds} s, without and with a client that lists /kakaos …")
        bench.warm_up(stack, 2)
        alone = bench.register(stack, options.seconds)
        bench.drain(stack)
        beside, listed = register_beside_lists(bench, stack, options.seconds)
        memory = Processes.of(stack).memory()["cosmos"]
    rows = [[path, *figures(result)] for path, result in lists.items()]
    rows.append(["/kakaos, beside the load", *figures(listed)])
    bench.table((f"GET, {options.kept:,} kept", "answered", "p50", "p95", "failed"), rows)
    for name, result in (("without", alone), ("with", beside)):
        bench.say(f"  registering {name} a client that lists: {described(result)}")
    bench.say(f"  local Cosmos DB: {before / MEGABYTE:,.0f} MB of memory before, {memory / MEGABYTE:,.0f} MB after")
    kakaos = lists["/kakaos"]
    return [
        Row(f"GET /kakaos at {options.kept:,} messages", f"p95 {milliseconds(kakaos.durations, 95)}, {failed(kakaos)}"),
        Row(
            "registering beside one client that lists",
            f"{beside.rate:,.0f}/s instead of {alone.rate:,.0f}/s, {failed(beside)}",
        ),
    ]


async def template(system: LocalSystem) -> tuple[str, dict[str, list[dict[str, object]]]]:
    """Registers a customer, and returns the id with all that is stored about it, by container."""
    customer_id = await system.register()
    await system.wait_for_view(customer_id, "REGISTERED")
    return customer_id, await system.stored_everywhere(customer_id)


async def read_lists(gateway: str, samples: int) -> dict[str, LoadResult]:
    """Reads each list, one after the other."""
    async with System.at(gateway, CALL_SECONDS) as system:
        found = {}
        for collection in COLLECTIONS.values():
            path = f"/{collection}"
            start = time.perf_counter()
            answers = [await read_list(system, path) for _ in range(samples)]
            found[path] = LoadResult("", answers, time.perf_counter() - start)
        return found


async def read_list(system: System, path: str) -> Answer:
    start = time.perf_counter()
    try:
        response = await system.call("GET", path)
    except (aiohttp.ClientError, TimeoutError) as error:
        return Answer(type(error).__name__, time.perf_counter() - start)
    return Answer(str(response.status), response.seconds)


def register_beside_lists(bench: Bench, stack: Stack, seconds: float) -> tuple[LoadResult, LoadResult]:
    """Users register while one client lists back to back; returns what both saw. Raises LoadError."""
    ended = threading.Event()
    answers: list[Answer] = []

    async def list_back_to_back() -> None:
        async with System.at(stack.url("gateway"), CALL_SECONDS) as system:
            while not ended.is_set():
                answers.append(await read_list(system, "/kakaos"))

    lister = threading.Thread(target=lambda: asyncio.run(list_back_to_back()))
    with load.Load(bench.generator, bench.plan(stack, seconds)) as running:
        lister.start()
        try:
            result = running.result()
        finally:
            ended.set()
            lister.join(CALL_SECONDS)
    return result, LoadResult("", answers, seconds)


def figures(result: LoadResult) -> list[str]:
    return [
        str(len(result.durations)),
        milliseconds(result.durations, 50),
        milliseconds(result.durations, 95),
        counted(result.failures) or "0",
    ]


def described(result: LoadResult) -> str:
    return f"{result.rate:,.0f}/s, p95 {milliseconds(result.durations, 95)}, {failed(result)}"


def failed(result: LoadResult) -> str:
    return f"{result.failures.total():,} failed"


MEASUREMENT = Measurement(
    "lists", "lists of a large system, and registering beside a client that lists all the time", Options, measure
)
