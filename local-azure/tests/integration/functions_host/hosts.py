"""The sample app in a host process, and the records of its functions."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SAMPLE_APP = Path(__file__).parent / "sample_app"
FUNCTIONS = (
    *("hello", "slow", "waiting", "nothing", "cookies", "leave"),
    *("on-message", "on-batch", "on-change", "on-loss", "tick"),
)
DEADLINE = 60.0  # seconds
UNREACHABLE = "127.0.0.1:9"
SERVICE_BUS_DOWN = (
    f"Endpoint=sb://{UNREACHABLE};SharedAccessKeyName=k;SharedAccessKey=local;UseDevelopmentEmulator=true;"
)
COSMOS_DOWN = f"AccountEndpoint=http://{UNREACHABLE}/;AccountKey=bG9jYWw=;"


async def until[T](condition: Callable[[], T], deadline: float = DEADLINE) -> T:
    """Polls `condition` until it is true. Returns its result."""
    async with asyncio.timeout(deadline):
        while not (result := condition()):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.02)
    return result


@dataclass
class Host:
    """A host process. `log` grows with its stderr."""

    url: str
    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()


@dataclass
class Sample:
    """The folder with the records of the sample app, and its settings."""

    folder: Path
    settings: dict[str, str]

    @property
    def records(self) -> list[dict[str, Any]]:
        file = self.folder / "records"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def records_of(self, function: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["function"] == function]

    def ids(self, function: str) -> list[str]:
        """The ids of the documents that a function has received, in order."""
        return [identity for record in self.records_of(function) for identity in record["ids"]]

    def reset(self) -> None:
        """Deletes the records and the requested failures."""
        (self.folder / "records").write_text("")
        self.fail()

    def fail(self, *functions: str) -> None:
        (self.folder / "failures").write_text("\n".join(functions))

    def only(self, *functions: str) -> None:
        """Disables every function but these."""
        for name in FUNCTIONS:
            self.settings[f"AzureWebJobs.{name}.Disabled"] = str(name not in functions).lower()

    @asynccontextmanager
    async def running(self, *arguments: str, app: Path = SAMPLE_APP, port: int | None = 0) -> AsyncIterator[Host]:
        """The app in a host process; `port` None: the port of its local.settings.json."""
        host = await self._start(app, arguments if port is None else ("--port", str(port), *arguments))
        reading = asyncio.create_task(_read(host))
        try:
            yield host
        finally:
            if host.process.returncode is None:
                host.process.kill()
            await host.process.wait()
            await reading
            sys.stderr.write("".join(host.log))

    async def _start(self, app: Path, arguments: tuple[str, ...]) -> Host:
        process = await asyncio.create_subprocess_exec(
            *self.command(app, *arguments),
            env=os.environ | self.settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        try:
            async with asyncio.timeout(DEADLINE):
                line = (await process.stdout.readline()).decode()
        except TimeoutError:
            process.kill()  # its worker processes end with it
            raise
        if not line.startswith("ready "):
            assert process.stderr
            pytest.fail(f"the host did not start: {line}{(await process.stderr.read()).decode()}")
        return Host(line.split()[1], process)

    def command(self, app: Path, *arguments: str) -> list[str]:
        state = str(self.folder / "state")
        module = ["-m", "local_azure.functions_host", "--app", str(app), "--name", "sample"]
        return [sys.executable, *module, "--state", state, *arguments]


def sample_in(folder: Path) -> Sample:
    """The sample app with both services down and a timer that is not due."""
    settings = {
        "RECORD": str(folder / "records"),
        "FAILURES": str(folder / "failures"),
        "TOPIC": "events",
        "TICK": "0 0 0 29 2 *",
        "SERVICE_BUS": SERVICE_BUS_DOWN,
        "COSMOS": COSMOS_DOWN,
    }
    return Sample(folder, settings)


async def _read(host: Host) -> None:
    assert host.process.stderr
    while line := await host.process.stderr.readline():
        host.log.append(line.decode())
