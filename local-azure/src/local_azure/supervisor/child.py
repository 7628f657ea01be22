"""One service as a child process: installed, started, restarted when it ends, stopped."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import BinaryIO

from local_azure.listening import HOST
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.parent_death import terminate_with_parent
from local_azure.supervisor.ports import accepts
from local_azure.supervisor.services import Service, StackError, StartError, State
from local_azure.supervisor.trouble import Trouble, cause

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
# After this long a service counts as healthy, and the backoff starts again from the shortest.
HEALTHY_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 5.0
PROBE_SECONDS = 0.05
LOG_LINES_SHOWN = 15
OUTPUT_LINE_LIMIT_BYTES = 1024 * 1024
READY = b"ready "


class Child:
    """Keeps one service running between `start` and `stop`."""

    def __init__(self, service: Service, log: Path, report: Report) -> None:
        self.service = service
        self.state = State.STOPPED
        self.restarts = 0
        self.address = ""
        # Why it is left out.
        self.cause = ""
        self._log = log
        self._report = report
        self._command = service.command
        self._process: Process | None = None
        self._ready_at = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._output: asyncio.Task[None] | None = None
        self._change_lock = asyncio.Lock()
        self._unlogged = Trouble(report, service.name, "what it prints is not in its log")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def uptime(self) -> float:
        """Seconds since it became ready; 0 if it is not running."""
        return time.monotonic() - self._ready_at if self.state is State.RUNNING else 0.0

    async def start(self) -> None:
        """Returns once it is ready. After a StackError it is stopped; left out, if it is optional."""
        async with self._change_lock:
            if self._keeper is not None:
                return
            self.cause = ""
            try:
                if self.service.install is not None:
                    self._command = await self.service.install(self._notify_of_installation)
                self._set(State.STARTING, Kind.STARTING)
                await self._launch()
            except BaseException as error:
                await self._end(STOP_TIMEOUT_SECONDS)
                if self.service.optional and isinstance(error, StackError):
                    self.cause = str(error)
                    self._set(State.LEFT_OUT, Kind.LEFT_OUT, self.cause)
                else:
                    self.state = State.STOPPED
                raise
            self._keeper = asyncio.create_task(self._keep_running())

    async def stop(self, limit: float = STOP_TIMEOUT_SECONDS) -> None:
        """Ends it, by force after `limit` seconds."""
        async with self._change_lock:
            if self._keeper is None:
                return
            self._set(State.STOPPING, Kind.STOPPING)
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
            await self._end(limit)
            self._set(State.STOPPED, Kind.STOPPED)

    def kill(self) -> None:
        """Ends it and the processes it has started, by force."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep_running(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            if self._process is not None:
                await self._process.wait()
                if self.uptime > HEALTHY_SECONDS:
                    backoff = FIRST_BACKOFF_SECONDS
                self._set(State.RESTARTING, Kind.DIED, f"{self._exit()}, restarting in {backoff:.1f} s")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
            self.restarts += 1
            try:
                await self._launch()
            except Exception as error:  # a service is restarted whatever happens
                await self._end(STOP_TIMEOUT_SECONDS)
                reason = str(error).splitlines()[0] if isinstance(error, StartError) else f"{cause(error)}."
                self._set(State.RESTARTING, Kind.DIED, f"{reason} Retrying in {backoff:.1f} s")
                self._process = None

    async def _launch(self) -> None:
        started = time.monotonic()
        announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Unbuffered and in append mode, so that the file can be truncated when it is too large.
        log = self._log.open("ab", buffering=0)
        try:
            log_start = log.tell()
            self._process = process = await self._spawn(log)
        except BaseException:
            log.close()
            raise
        self._output = asyncio.create_task(self._read_output(process, announced, log))
        ready = asyncio.create_task(self._ready(announced))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=self.service.ready_timeout, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise StartError(self._failure(process, log_start))
            self.address = ready.result()
        finally:
            ended.cancel()
            ready.cancel()
        self._ready_at = time.monotonic()
        self._set(State.RUNNING, Kind.READY, f"{self.address} ({self._ready_at - started:.1f} s)")

    async def _spawn(self, log: BinaryIO) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            cwd=self.service.folder,
            env=self.service.environment,
            # Ctrl-C on the terminal is for the supervisor, which stops the services in order.
            start_new_session=True,
            preexec_fn=terminate_with_parent(os.getpid()),
            limit=OUTPUT_LINE_LIMIT_BYTES,
        )

    async def _read_output(self, process: Process, announced: asyncio.Future[str], log: BinaryIO) -> None:
        """Waits for the ready line, and copies all other output to the log file, until the process ends."""
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
                if line.startswith(READY) and not announced.done():
                    announced.set_result(line[len(READY) :].decode(errors="replace").strip())
                else:
                    self._write(line, log)

    def _write(self, line: bytes, log: BinaryIO) -> None:
        """If nothing read on, the service would stop at its next line; so on a full disk lines are lost instead."""
        try:
            log.write(line)
        except OSError as error:
            self._unlogged.caused_by(error)
        else:
            self._unlogged.over()

    async def _ready(self, announced: asyncio.Future[str]) -> str:
        if self.service.announces_ready:
            return await announced
        for port in self.service.ports:
            while not await accepts(port):  # noqa: ASYNC110 another process opens it
                await asyncio.sleep(PROBE_SECONDS)
        return f"http://{HOST}:{self.service.ports[0]}"

    def _failure(self, process: Process, log_start: int) -> str:
        timeout = f"was not ready after {self.service.ready_timeout:.0f} s"
        reason = f"{self.service.name} {timeout if process.returncode is None else f'ended with {self._exit()}'}."
        with self._log.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        shown = "".join(f"\n  {line}" for line in lines)
        return (
            f"{reason} The end of its log, {self._log}:{shown}" if lines else f"{reason} Its log is empty: {self._log}"
        )

    async def _end(self, limit: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), limit)
        except TimeoutError:
            self.kill()
            await process.wait()

    def _exit(self) -> str:
        code = self._process.returncode if self._process is not None else None
        if code is not None and code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"

    def _notify_of_installation(self, what: str) -> None:
        self._set(State.INSTALLING, Kind.NOTICE, what)

    def _set(self, state: State, kind: Kind, detail: str = "") -> None:
        self.state = state
        self._report(Event(kind, self.service.name, detail))
