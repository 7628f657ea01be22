"""The Service Bus in its own process, which can be killed."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

START_TIMEOUT = 20
STOP_TIMEOUT = 10


class ServiceBusProcess:
    """Runs with settings, entities and state in `folder`. After a restart it has the same port."""

    def __init__(self, folder: Path, entities: dict[str, Any]) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.state = folder / "state"
        (folder / "entities.json").write_text(json.dumps(entities), encoding="utf-8")
        self.settings = folder / "local-azure.toml"
        self.settings.write_text('[service_bus]\nentities = "entities.json"\n', encoding="utf-8")

    @property
    def connection_string(self) -> str:
        key = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=local;UseDevelopmentEmulator=true;"
        return f"Endpoint=sb://127.0.0.1:{self.port};{key}"

    async def run(
        self, port: int, settings: Path | None = None, state: Path | None = None
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local_azure.service_bus", "--port", str(port)),
            *("--config", str(settings or self.settings), "--state", str(state or self.state)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def start(self) -> None:
        """Starts the server and waits until it is ready."""
        self._process = await self.run(self.port)
        assert self._process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT):
            line = (await self._process.stdout.readline()).decode()
        assert line.startswith("ready amqp://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    async def kill(self) -> None:
        """Like `kill -9`."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()

    async def terminate(self) -> tuple[int | None, str]:
        """Like a supervisor that stops it. Returns exit code and log."""
        assert self._process is not None
        self._process.terminate()
        async with asyncio.timeout(STOP_TIMEOUT):
            _, logged = await self._process.communicate()
        return self._process.returncode, logged.decode()
