"""The server as a process, as the supervisor starts it."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

DEADLINE_SECONDS = 60.0
SETTINGS = """
[cosmos]
key = "bG9jYWw="
containers = "containers.json"
"""
CONTAINERS = {
    "databases": [
        {
            "id": "shop",
            "containers": [{"id": "orders", "partitionKey": {"paths": ["/customer"]}, "defaultTtl": -1}],
        }
    ]
}


class Server:
    """A process; a restart keeps its `port`."""

    def __init__(self, folder: Path, launcher: tuple[str, ...] = ("-m", "local_azure.cosmos")) -> None:
        self._folder = folder
        self._launcher = launcher
        self._config = folder / "local-azure.toml"
        self._config.write_text(SETTINGS)
        self.containers = folder / "containers.json"
        self.containers.write_text(json.dumps(CONTAINERS))
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def connection_string(self) -> str:
        return f"AccountEndpoint=http://127.0.0.1:{self.port}/;AccountKey=bG9jYWw=;"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def spawn(self, *arguments: str) -> asyncio.subprocess.Process:
        state = self._folder / "state"
        options = ("--config", str(self._config), "--state", str(state), "--port", str(self.port), *arguments)
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, *self._launcher, *options)
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)

    async def start(self) -> str:
        """Returns the line it prints when it is ready."""
        self._process = await self.spawn()
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = (await self._process.stdout.readline()).decode().strip()
        self.port = int(line.rpartition(":")[2])
        return line

    async def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Returns its exit code and stderr."""
        assert self._process is not None
        self._process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, errors = await self._process.communicate()
        code, self._process = self._process.returncode, None
        assert code is not None
        return code, errors.decode()

    async def end(self) -> None:
        if self._process is not None:
            await self.stop(signal.SIGKILL)


@asynccontextmanager
async def running(folder: Path, *launcher: str) -> AsyncIterator[Server]:
    """A server. `launcher`: how Python runs it, if not as a module."""
    server = Server(folder, launcher) if launcher else Server(folder)
    try:
        await server.start()
        yield server
    finally:
        await server.end()
