"""What every measurement shares: the console, the load generator, fresh stacks, and waiting for the read model."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from local_azure.stack import Stack
from tools.bench import load
from tools.bench.figures import LoadResult
from tools.bench.generator.plan import Plan
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON, UnexpectedResponse

BODY = json.dumps(YEON)
DRAIN_SECONDS = 120.0
"""How long the read model may take after a load; a good one needs less than two seconds."""

COUNT_SECONDS = 0.5  # counting all documents is a load of its own
RETRY_SECONDS = 0.2


@dataclass(frozen=True)
class Row:
    """A line of the summary. `original`: a dash where it has no such figure."""

    test: str
    ours: str
    original: str = "–"


@dataclass(frozen=True)
class Bench:
    """`users`: of the loads that are not about their number; `config`: the settings file of the stacks."""

    console: Console
    generator: load.Generator
    users: int = 100
    config: Path = LOCAL_AZURE_SETTINGS

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextlib.contextmanager
    def stack(self, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
        """A stack on free ports with fresh data; `settings` are environment variables of its apps."""
        with (
            tempfile.TemporaryDirectory(prefix="ssak8-bench-") as state,
            environment(settings or {}),
            Stack.start(self.config, Path(state)) as stack,
        ):
            yield stack

    def plan(self, stack: Stack, seconds: float, users: int | None = None) -> Plan:
        """The original's load."""
        return load.registering(f"{stack.url('gateway')}/customers", BODY, users or self.users, seconds)

    def register(self, stack: Stack, seconds: float, users: int | None = None) -> LoadResult:
        """Users register for some seconds. Raises LoadError."""
        result = load.run(self.generator, self.plan(stack, seconds, users))
        if result.note:
            self.say(f"  {result.note}")
        return result

    def warm_up(self, stack: Stack, seconds: float) -> None:
        """Users register, and nobody looks; returns once all of it is visible."""
        if seconds:
            load.run("built-in", self.plan(stack, seconds))
            self.drain(stack)

    def drain(self, stack: Stack) -> float:
        """Waits until the view of a last customer is there, and so nearly all before; returns the seconds."""
        return self.with_system(stack, last_view)

    def with_system[T](self, stack: Stack, work: Callable[[LocalSystem], Awaitable[T]]) -> T:
        async def connected() -> T:
            async with LocalSystem.of(stack) as system:
                return await work(system)

        return asyncio.run(connected())

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(*columns, box=None, show_header=any(columns))
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


@dataclass(frozen=True)
class Measurement:
    """`options`: a dataclass, see options.py; `measure` shows what it finds, and returns its lines of the summary."""

    name: str
    help: str
    options: type[Any]
    measure: Callable[[Bench, Any], list[Row]]


@contextlib.contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables, which processes that are started meanwhile inherit."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def last_view(system: LocalSystem) -> float:
    """Registers a customer, as soon as that works, and waits for the view; returns the seconds. Raises TimeoutError."""
    start = time.monotonic()
    async with asyncio.timeout(DRAIN_SECONDS):
        while True:
            try:
                customer_id = await system.register()
                break
            except (UnexpectedResponse, aiohttp.ClientError):
                await asyncio.sleep(RETRY_SECONDS)
    await system.wait_for_view(customer_id, "REGISTERED", DRAIN_SECONDS)
    return time.monotonic() - start
