"""What every measurement shares: the console, the load generator, fresh stacks, and waiting for the read model."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from local_azure.stack import Stack
from shared.settings import Access
from tools.access.session_keys import SessionKeys
from tools.bench import load
from tools.bench.figures import LoadResult
from tools.bench.generator.plan import Plan
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import YEON, UnexpectedResponse

BODY = json.dumps(YEON)
DRAIN_SECONDS = 120.0
"""How long the read model may take after a load; a good one needs less than two seconds."""

COUNT_SECONDS = 0.5  # counting all documents is a load of its own
RETRY_SECONDS = 0.2

MOST_PER_SECOND = 1000
"""Registrations: more than this system does on any laptop. A load of customers gets a token for each."""


@dataclass(frozen=True)
class Row:
    """A line of the summary. `original`: a dash where it has no such figure."""

    test: str
    ours: str
    original: str = "–"


@dataclass(frozen=True)
class Bench:
    """`users`: of the loads that are not about their number; `config`: the settings file of the stacks.

    `access`: ACCESS of the apps. With `customers`, each registration is that of another customer, with their own token.
    """

    console: Console
    generator: load.Generator
    users: int = 100
    config: Path = LOCAL_AZURE_SETTINGS
    access: Access = Access.OPEN

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextlib.contextmanager
    def stack(self, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
        """A stack on free ports with fresh data; `settings` are environment variables of its apps."""
        with tempfile.TemporaryDirectory(prefix="ssak8-bench-") as folder, environment(settings or {}):
            state = Path(folder, "stack")
            with self._started(state, Path(folder, "access")) as stack:
                yield stack

    def _started(self, state: Path, access: Path) -> Stack:
        if self.access is Access.OPEN:
            # Without an argument that older checkouts do not have.
            return Stack.start(self.config, state)
        return Stack.start(self.config, state, settings=SessionKeys.made_in(access).settings)

    def plan(self, stack: Stack, seconds: float, users: int | None = None) -> Plan:
        """The original's load."""
        url = f"{stack.url('gateway')}/customers"
        plan = load.registering(url, BODY, users or self.users, seconds)
        if self.access is Access.OPEN:
            return plan
        call = replace(plan.call, body=json.dumps(CONSENTING), tokens=_tokens(stack, int(seconds * MOST_PER_SECOND)))
        return replace(plan, call=call)

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
        kind = LocalSystem if self.access is Access.OPEN else CustomersSystem

        async def connected() -> T:
            async with kind.of(stack) as system:
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


def _tokens(stack: Stack, number: int) -> list[str]:
    """A token of each of so many customers whom nobody knows yet."""
    if stack.settings is None:
        raise ValueError("this stack does not run with ACCESS=customers")
    load = uuid.uuid4()
    return SessionKeys(stack.settings.parent).tokens(f"{load}-{each}" for each in range(number))


async def last_view(system: LocalSystem) -> float:
    """Registers a customer, as soon as that works, and waits for the view; returns the seconds. Raises TimeoutError."""
    start = time.monotonic()
    async with asyncio.timeout(DRAIN_SECONDS):
        while True:
            somebody = system.newcomer()
            try:
                customer_id = await somebody.register()
                break
            except (UnexpectedResponse, aiohttp.ClientError):
                await asyncio.sleep(RETRY_SECONDS)
    await somebody.wait_for_view(customer_id, "REGISTERED", DRAIN_SECONDS)
    return time.monotonic() - start
