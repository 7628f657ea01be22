"""FUNCTIONS_WORKER_PROCESS_COUNT: further processes of an app, which answer HTTP requests beside the first one."""

import asyncio
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence

from local_azure.announcements import READY
from local_azure.functions_host.errors import StartError

SETTING = "FUNCTIONS_WORKER_PROCESS_COUNT"
MOST_PROCESSES = 10  # as on Azure
RESTART_SECONDS = 1.0

logger = logging.getLogger(__name__)


def process_count(settings: Mapping[str, str] = os.environ) -> int:
    """How many processes the app is to have. Raises StartError."""
    value = settings.get(SETTING, "1")
    if not value.isdecimal() or not 1 <= int(value) <= MOST_PROCESSES:
        raise StartError(f"the app setting {SETTING} is {value!r}; set it to a whole number from 1 to {MOST_PROCESSES}")
    return int(value)


class WorkerProcesses:
    """The processes beyond the first. They accept from the same socket; their logs go where those of this one go.

    One that ends is replaced. All end with this process, whose end closes their stdin.
    """

    def __init__(self, count: int, arguments: Sequence[str], listener: socket.socket) -> None:
        """`arguments`: the command line of each, without the socket."""
        self._arguments = arguments
        self._listener = listener.dup()
        self._ready = [asyncio.get_running_loop().create_future() for _ in range(count)]
        self._processes: dict[int, Process] = {}
        self._ending = False
        self._keepers = [asyncio.create_task(self._keep_running(number)) for number in range(count)]

    async def ready(self) -> None:
        """Returns once all of them serve. Raises StartError if one cannot start."""
        await asyncio.gather(*self._ready)

    def drain(self) -> None:
        """Lets them end as this process does: they answer what they have accepted."""
        self._ending = True
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()

    def hurry(self) -> None:
        self._ending = True
        for process in self._processes.values():
            if process.returncode is None:
                process.send_signal(signal.SIGINT)

    async def ended(self) -> None:
        """Returns after `drain` or `hurry`, once all have ended."""
        await asyncio.gather(*self._keepers)
        self._listener.close()

    async def _keep_running(self, number: int) -> None:
        while not self._ending:
            process = self._processes[number] = await self._spawn()
            if self._ending:
                self.drain()
            code = await self._run(process, self._ready[number])
            if not self._ending:
                logger.error("worker process %d (process id %d) ended with exit code %d", number + 2, process.pid, code)
                await asyncio.sleep(RESTART_SECONDS)

    async def _run(self, process: Process, ready: "asyncio.Future[None]") -> int:
        if process.stdout is None:
            raise RuntimeError("the process was started without a pipe")
        async for line in process.stdout:
            if line.decode().partition(" ")[0] == READY and not ready.done():
                ready.set_result(None)
        code = await process.wait()
        if not ready.done():
            ready.set_exception(StartError(f"a worker process ended with exit code {code} before it was ready"))
            self._ending = True
        return code

    async def _spawn(self) -> Process:
        descriptor = self._listener.fileno()
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local_azure.functions_host", *self._arguments, f"--socket={descriptor}"),
            pass_fds=[descriptor],
            stdin=PIPE,
            stdout=PIPE,
        )
