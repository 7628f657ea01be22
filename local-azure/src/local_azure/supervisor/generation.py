"""One process of a service, from its start to its end."""

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from local_azure.announcements import CLOCK, FAILED, READY, RELEASED
from local_azure.configuration import ConfigurationError
from local_azure.listening import HOST
from local_azure.supervisor.parent_death import terminate_with_parent
from local_azure.supervisor.ports import accepts, is_healthy
from local_azure.supervisor.services import Service, StartError

PROBE_SECONDS = 0.05
LOG_LINES_SHOWN = 15
OUTPUT_LINE_LIMIT_BYTES = 1024 * 1024

type Keep = Callable[[bytes, BinaryIO], None]


class Generation:
    """A process that runs `command`, which is that of `service` once it is installed.

    `keep` writes what it prints to its log. `released` is set once another process may start the service's listeners.
    """

    def __init__(self, service: Service, command: tuple[str, ...], log: Path, keep: Keep) -> None:
        self.address = ""
        self.released = asyncio.Event()
        self._service = service
        self._command = command
        self._log = log
        self._keep = keep
        self._process: Process | None = None
        self._group_ended = False
        self._announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._clock: str | None = None
        self._clock_read = asyncio.Event()
        self._reason = ""
        # What has not happened yet, of a service that does not announce that it is ready.
        self._awaited = ""
        self._output: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """None if it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self, listener: socket.socket | None = None, *, standby: bool = False) -> None:
        """Returns once it is ready. After a StartError, `end` it.

        `listener`: it inherits this socket. `standby`: it starts its listeners only when it is told to `take_over`.
        """
        # Unbuffered and in append mode, so that the file can be truncated when it is too large.
        log = self._log.open("ab", buffering=0)
        try:
            log_start = log.tell()
            self._process = process = await self._spawn(log, listener, standby=standby)
        except BaseException:
            log.close()
            raise
        self._output = asyncio.create_task(self._read_output(process, log))
        ready = asyncio.create_task(self._ready())
        ended = asyncio.create_task(self.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=self._service.ready_timeout, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise await self._failure(process, log_start)
            self.address = ready.result()
        finally:
            ended.cancel()
            ready.cancel()

    async def wait(self) -> str:
        """Returns once it has ended, with its exit code or the signal that ended it."""
        if self._process is None:
            return "no process"
        if self._service.ends_as_group:
            await self._end_group(self._process)
        await self._process.wait()
        self.released.set()
        return self._exit(self._process)

    async def _end_group(self, process: Process) -> None:
        """Once the process has ended, ends what it has started."""
        # Not `process.wait()`, which in Python 3.13.0 also waits for those who have inherited its stdout.
        while process.returncode is None:  # noqa: ASYNC110 asyncio sets it, and tells nobody
            await asyncio.sleep(PROBE_SECONDS)
        if not self._group_ended:
            # Only once: later, another group may have this id.
            self._group_ended = True
            self._signal_group(process.pid, signal.SIGKILL)

    def take_over(self) -> None:
        """Lets it start its listeners."""
        self._send(signal.SIGUSR1)

    def tell_of_clock(self) -> None:
        """Lets it read again how far the emulators' clock is ahead. One that is not ready has yet to read it."""
        if self._announced.done() and not self._announced.cancelled():
            self._send(signal.SIGUSR2)

    async def read_clock(self, seconds_ahead: int) -> None:
        """Lets it read again how far its clock is ahead. Returns once that is `seconds_ahead`, or it has ended."""

        async def has_read() -> None:
            while self._clock != str(seconds_ahead):
                self._clock_read.clear()
                await self._clock_read.wait()

        self._clock = None
        self._send(signal.SIGUSR1)
        waiting: set[asyncio.Task[object]] = {asyncio.create_task(has_read()), asyncio.create_task(self.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def retire(self) -> None:
        """Lets it end, in its own time: it accepts no more, and what it has accepted is answered."""
        self._send(signal.SIGTERM)

    async def end(self, limit: float) -> None:
        """Ends it, by force after `limit` seconds."""
        self._send(signal.SIGTERM)
        if self._service.hands_over:
            # It would give its clients time to go to a successor.
            self._send(signal.SIGINT)
        await self.end_by_force_after(limit)

    async def end_by_force_after(self, limit: float) -> bool:
        """Waits for its end, at most `limit` seconds. Returns whether force was needed."""
        try:
            await asyncio.wait_for(self.wait(), limit)
        except TimeoutError:
            self.kill()
            await self.wait()
            return True
        return False

    def kill(self) -> None:
        """Ends it and the processes it has started, by force."""
        if self._process is not None and self._process.returncode is None:
            self._signal_group(self._process.pid, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        if self._service.ends_as_group:
            self._signal_group(self._process.pid, number)
        else:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    @staticmethod
    def _signal_group(leader: int, number: signal.Signals) -> None:
        # macOS refuses to signal a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)

    async def _spawn(self, log: BinaryIO, listener: socket.socket | None, *, standby: bool) -> Process:
        inherited = () if listener is None else (listener.fileno(),)
        options = [f"--socket={descriptor}" for descriptor in inherited] + (["--standby"] if standby else [])
        return await asyncio.create_subprocess_exec(
            *self._command,
            *options,
            pass_fds=inherited,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            cwd=self._service.folder,
            env=self._environment(),
            # Ctrl-C on the terminal is for the supervisor, which stops the services in order.
            start_new_session=True,
            preexec_fn=terminate_with_parent(os.getpid()),
            limit=OUTPUT_LINE_LIMIT_BYTES,
        )

    def _environment(self) -> dict[str, str]:
        try:
            return {**self._service.environment, **self._service.settings()}
        except ConfigurationError as error:
            reason = f"{self._service.name} was not started: {error}."
            raise StartError(reason, str(error)) from None

    async def _read_output(self, process: Process, log: BinaryIO) -> None:
        """Reads announcements, and copies all other output to the log file, until the process ends."""
        if process.stdout is None:
            raise RuntimeError("the process was started without a pipe")
        with log:
            while True:
                try:
                    line = await process.stdout.readline()
                except ValueError:
                    # Longer than the limit; the reader has dropped it.
                    continue
                if not line:
                    return
                if not self._is_announcement(line):
                    self._keep(line, log)

    def _is_announcement(self, line: bytes) -> bool:
        if not self._service.announces_ready:
            return False
        kind, _, detail = line.decode(errors="replace").strip().partition(" ")
        if kind == READY and detail and not self._announced.done():
            self._announced.set_result(detail)
        elif kind == FAILED and detail and not self._announced.done():
            self._reason = detail
        elif kind == RELEASED and not detail and self._announced.done():
            self.released.set()
        elif kind == CLOCK and self._service.has_clock:
            self._clock = detail
            self._clock_read.set()
        else:
            return False
        return True

    async def _ready(self) -> str:
        if self._service.announces_ready:
            return await self._announced
        for port in self._service.ports:
            self._awaited = f"nothing accepted connections on port {port}"
            while not await accepts(port):  # noqa: ASYNC110 another process opens it
                await asyncio.sleep(PROBE_SECONDS)
        first, path = self._service.ports[0], self._service.health
        address = f"http://{HOST}:{first}"
        if path is not None:
            self._awaited = f"GET {address}{path} was not answered 200"
            while not await is_healthy(first, path):  # noqa: ASYNC110 another process answers
                await asyncio.sleep(PROBE_SECONDS)
        return address

    async def _failure(self, process: Process, log_start: int) -> StartError:
        if process.returncode is not None and self._output is not None:
            # What it has announced at last.
            await asyncio.wait({self._output}, timeout=PROBE_SECONDS)
        awaited = f": {self._awaited}" if self._awaited else ""
        timeout = f"was not ready after {self._service.ready_timeout:.0f} s{awaited}"
        what = f"{self._service.name} {timeout if process.returncode is None else f'ended with {self._exit(process)}'}."
        with self._log.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        if not lines:
            return StartError(f"{what} Its log is empty: {self._log}", self._reason or what)
        shown = "".join(f"\n  {line}" for line in lines)
        return StartError(f"{what} The end of its log, {self._log}:{shown}", self._reason or lines[-1])

    @staticmethod
    def _exit(process: Process) -> str:
        code = process.returncode
        if code is not None and code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"
