"""Restarts without a lost call: the next process of an app or of the gateway takes over the listening socket."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil
import pytest

from local_azure.stack import Stack
from local_azure.supervisor.events import Event, Kind
from local_azure.supervisor.services import StackError, State

APP = """
import asyncio, json, os, time
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
VERSION = "first"

def record(**values):
    descriptor = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (json.dumps(values) + "\\n").encode())
    os.close(descriptor)

@app.function_name("count")
@app.route(route="count", methods=["GET", "POST"])
async def count(req: func.HttpRequest) -> func.HttpResponse:
    record(call=req.params["id"])
    await asyncio.sleep(float(req.params.get("seconds", 0.01)))
    return func.HttpResponse(VERSION)

@app.function_name("tick")
@app.timer_trigger("timer", schedule="* * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    began = time.monotonic()
    await asyncio.sleep(1.5)
    record(pid=os.getpid(), began=began, ended=time.monotonic())
"""
SETTINGS = """
[gateway]
[gateway.routes]
"/count" = "counter"

[settings]
RECORD = "RECORDS"

[apps.counter]
port = 0
folder = "app"
"""
CALLERS = 4  # of each kind
DEADLINE_SECONDS = 60.0


@dataclass
class Counter:
    """A stack with one app, which counts calls, and the gateway."""

    stack: Stack
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.stack.url('counter')}/count"

    @property
    def gateway_url(self) -> str:
        return f"{self.stack.url('gateway')}/count"

    @property
    def code(self) -> Path:
        return self.folder / "app" / "function_app.py"

    def records_with(self, key: str) -> list[dict[str, str]]:
        file = self.folder / "records"
        records = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [record for record in records if key in record]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text(APP)
    host = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
    (tmp_path / "app" / "host.json").write_text(json.dumps(host))
    config = tmp_path / "local-azure.toml"
    config.write_text(SETTINGS.replace("RECORDS", str(tmp_path / "records")))
    with Stack.start(config, tmp_path / "state") as stack:
        yield Counter(stack, tmp_path)


@dataclass
class Callers:
    """Call without a pause until `over`. `answers`: the status of each call, or what failed, by its id."""

    answers: dict[str, int | str] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, client: aiohttp.ClientSession, method: str, url: str) -> None:
        while not self.over.is_set():
            identity = uuid4().hex
            try:
                async with client.request(method, url, params={"id": identity}, data=b"") as response:
                    await response.read()
                    self.answers[identity] = response.status
            except (aiohttp.ClientError, TimeoutError) as error:
                self.answers[identity] = repr(error)

    @classmethod
    @asynccontextmanager
    async def calling(cls, *urls: str) -> AsyncIterator["Callers"]:
        """Callers that keep their connections open, and others that do not, at each of `urls`."""
        callers = cls()
        timeout = aiohttp.ClientTimeout(DEADLINE_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as keeping,
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)) as closing,
            asyncio.TaskGroup() as tasks,
        ):
            for url in urls:
                for client in (keeping, closing):
                    for _ in range(CALLERS):
                        tasks.create_task(callers.call(client, "POST", url))
            try:
                yield callers
            finally:
                callers.over.set()


@pytest.mark.parametrize("service", ["counter", "gateway"])
async def test_a_restart_under_load_loses_no_call_and_repeats_none(counter: Counter, service: str) -> None:
    pids = [counter.stack.pid(service)]
    async with Callers.calling(counter.url, counter.gateway_url) as callers:
        for _ in range(2):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(counter.stack.restart_service, service)
            pids.append(counter.stack.pid(service))

    assert len(set(pids)) == 3
    assert [answer for answer in callers.answers.values() if answer != 200] == []
    calls = [record["call"] for record in counter.records_with("call")]
    assert sorted(calls) == sorted(callers.answers)


async def test_a_call_that_runs_when_its_process_gets_a_successor_is_answered(counter: Counter) -> None:
    # Longer than a process that is stopped may take.
    slow = asyncio.create_task(get(counter.url, seconds="9"))
    while not counter.records_with("call"):  # noqa: ASYNC110 it happens in another process
        await asyncio.sleep(0.02)

    await asyncio.to_thread(counter.stack.restart_service, "counter")

    assert await slow == "first"
    # Not by a repetition, which an HTTP client may send by itself.
    assert len(counter.records_with("call")) == 1


async def test_a_new_process_that_cannot_start_does_not_replace_the_one_that_runs(counter: Counter) -> None:
    pid = counter.stack.pid("counter")
    counter.code.write_text(APP + "\ndef broken(\n")
    with pytest.raises(StackError) as refused:
        counter.stack.restart_service("counter")

    assert "not restarted, and the process that runs goes on: " in str(refused.value)
    assert "SyntaxError: '(' was never closed" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert counter.stack.pid("counter") == pid
    assert {status.state for status in counter.stack.status()} == {State.RUNNING}
    assert await get(counter.url) == "first"

    counter.code.write_text(APP.replace('"first"', '"second"'))
    events: list[Event] = []
    counter.stack.restart_service("counter", events.append)

    assert await get(counter.url) == "second"
    assert [event.kind for event in events] == [Kind.STARTING, Kind.READY]


async def test_the_timers_of_two_processes_never_run_together(counter: Counter) -> None:
    for _ in range(3):
        counter.stack.restart_service("counter")
    await asyncio.sleep(4)

    runs = sorted(counter.records_with("pid"), key=lambda run: run["began"])
    assert len({run["pid"] for run in runs}) > 1
    for first, second in pairwise(runs):
        assert first["ended"] <= second["began"]
    pids = [run["pid"] for run in runs]
    assert pids == sorted(pids, key=pids.index)


async def test_clients_that_wait_while_a_process_is_killed_are_served_by_the_next_one(counter: Counter) -> None:
    pid = counter.stack.pid("counter")
    os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(get(counter.url)) for _ in range(20)]
    await until_connected(counter.stack.port("counter"), len(waiting))

    os.kill(pid, signal.SIGKILL)

    assert await asyncio.gather(*waiting) == ["first"] * len(waiting)
    assert counter.stack.pid("counter") != pid


async def test_clients_of_an_emulator_wait_while_it_restarts(tmp_path: Path) -> None:
    config = tmp_path / "local-azure.toml"
    config.write_text("[cosmos]\nport = 0\n")
    async with Stack.start(config) as stack:
        restarting = asyncio.create_task(asyncio.to_thread(stack.restart_service, "cosmos"))
        attempts = 0
        while not restarting.done():
            # Raises ConnectionRefusedError if nobody listens.
            _, writer = await asyncio.open_connection("127.0.0.1", stack.port("cosmos"))
            writer.close()
            attempts += 1
            await asyncio.sleep(0.01)
        await restarting

    assert attempts > 5


async def test_clients_of_a_stopped_app_are_refused(counter: Counter) -> None:
    counter.stack.stop_service("counter")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", counter.stack.port("counter")))


async def get(url: str, **parameters: str) -> str:
    timeout = aiohttp.ClientTimeout(DEADLINE_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as client,
        client.get(url, params={"id": uuid4().hex, **parameters}) as response,
    ):
        return await response.text()


async def until_connected(port: int, count: int) -> None:
    """Waits until the system has accepted `count` connections for a process that does not run."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len([c for c in connections() if c == port]) < count:  # noqa: ASYNC110 the system has no event for it
            await asyncio.sleep(0.02)


def connections() -> list[int]:
    """The remote ports of this process's connections."""
    return [c.raddr.port for c in psutil.Process().net_connections("tcp") if c.raddr and c.status == "ESTABLISHED"]
