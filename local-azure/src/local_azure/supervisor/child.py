"""One service: installed, started, restarted when it ends, replaced while it runs, stopped."""

import asyncio
import socket
import time
from pathlib import Path
from typing import BinaryIO

from local_azure.listening import listening_socket
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.generation import Generation
from local_azure.supervisor.ports import why_taken
from local_azure.supervisor.services import Service, StackError, StartError, State
from local_azure.supervisor.trouble import Trouble, cause

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
# After this long a service counts as healthy, and the backoff starts again from the shortest.
HEALTHY_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 5.0
# For a process that has a successor: longer than the gateway waits for an answer.
RETIRE_TIMEOUT_SECONDS = 35.0
# To read a file; longer than the longest backoff, during which it starts by itself.
CLOCK_TIMEOUT_SECONDS = 6.0
NOT_RESTARTED = "not restarted, and the process that runs goes on"


class Child:
    """Keeps one service running between `start` and `stop`."""

    def __init__(self, service: Service, log: Path, report: Report) -> None:
        self.service = service
        self.state = State.STOPPED
        self.restarts = 0
        # Why it is left out.
        self.cause = ""
        self._log = log
        self._report = report
        self._command = service.command
        self._listener: socket.socket | None = None
        self._generation: Generation | None = None
        self._retiring: Generation | None = None
        self._ready_at = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._taking_over: set[asyncio.Task[None]] = set()
        # Held by whoever starts, replaces or stops it by command; and by whoever decides what the running process is.
        self._command_lock = asyncio.Lock()
        self._generation_lock = asyncio.Lock()
        self._unlogged = Trouble(report, service.name, "what it prints is not in its log")

    @property
    def pid(self) -> int | None:
        return self._generation.pid if self._generation is not None else None

    @property
    def address(self) -> str:
        return self._generation.address if self._generation is not None else ""

    @property
    def uptime(self) -> float:
        """Seconds since it became ready; 0 if it is not running."""
        return time.monotonic() - self._ready_at if self.state is State.RUNNING else 0.0

    async def start(self) -> None:
        """Returns once it is ready. After a StackError it is stopped; left out, if it is optional."""
        async with self._command_lock:
            if self._keeper is None:
                await self._start()

    async def stop(self, limit: float = STOP_TIMEOUT_SECONDS) -> None:
        """Ends it, by force after `limit` seconds."""
        async with self._command_lock:
            if self._keeper is not None:
                await self._stop(limit)
                self._stop_listening()

    async def restart(self) -> None:
        """Replaces its process, without an interruption if it can hand over. Raises StackError: see `start`.

        If a new process does not become ready beside the running one, that runs on.
        """
        async with self._command_lock:
            if self.service.hands_over and self.state is State.RUNNING:
                await self._hand_over()
                return
            if self._keeper is not None:
                await self._stop(STOP_TIMEOUT_SECONDS)
            await self._start()

    async def read_clock(self, seconds_ahead: int) -> None:
        """Returns once it has the clock that the state folder says, or does not run: it reads that when it starts.

        Raises StackError if it does not confirm it in time.
        """
        try:
            async with asyncio.timeout(CLOCK_TIMEOUT_SECONDS), self._command_lock, self._generation_lock:
                if self._generation is not None:
                    await self._generation.read_clock(seconds_ahead)
        except TimeoutError:
            raise StackError(
                f"{self.service.name} has not confirmed within {CLOCK_TIMEOUT_SECONDS:.0f} s that its clock was moved"
            ) from None

    def tell_of_clock(self) -> None:
        """Its timers follow the emulators' clock, which was moved."""
        if self._generation is not None:
            self._generation.tell_of_clock()

    def kill(self) -> None:
        """Ends it and the processes it has started, by force. It is not started again."""
        if self._keeper is not None:
            self._keeper.cancel()
        for generation in (self._generation, self._retiring):
            if generation is not None:
                generation.kill()

    async def _start(self) -> None:
        self.cause = ""
        try:
            if self.service.install is not None:
                self._command = await self.service.install(self._notify_of_installation)
            self._set(State.STARTING, Kind.STARTING)
            await self._launch()
        except BaseException as error:
            await self._end_generation(STOP_TIMEOUT_SECONDS)
            self._stop_listening()
            if self.service.optional and isinstance(error, StackError):
                self.cause = str(error)
                self._set(State.LEFT_OUT, Kind.LEFT_OUT, self.cause)
            else:
                self.state = State.STOPPED
            raise
        self._keeper = asyncio.create_task(self._keep_running())

    async def _stop(self, limit: float) -> None:
        self._set(State.STOPPING, Kind.STOPPING)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        await self._end_generation(limit)
        self._set(State.STOPPED, Kind.STOPPED)

    async def _keep_running(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            generation = self._generation
            if generation is not None:
                ended = await generation.wait()
            async with self._generation_lock:
                if generation is not self._generation:
                    # Its successor was already on its way.
                    continue
                if generation is not None:
                    if self.uptime > HEALTHY_SECONDS:
                        backoff = FIRST_BACKOFF_SECONDS
                    self._set(State.RESTARTING, Kind.DIED, f"{ended}, restarting in {backoff:.1f} s")
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
                self.restarts += 1
                try:
                    await self._launch()
                except Exception as error:  # a service is restarted whatever happens
                    await self._end_generation(STOP_TIMEOUT_SECONDS)
                    # Its clients are to be refused instead of waiting for nothing.
                    self._stop_listening()
                    reason = str(error).splitlines()[0] if isinstance(error, StartError) else f"{cause(error)}."
                    self._set(State.RESTARTING, Kind.DIED, f"{reason} Retrying in {backoff:.1f} s")
                    self._generation = None

    async def _launch(self) -> None:
        """Starts a process as the one that runs. Raises StartError; then it is to be ended."""
        self._generation = generation = self._new_generation()
        await self._make_ready(generation)

    async def _hand_over(self) -> None:
        """Starts a process beside the running one, which then ends. Raises StartError if that runs on."""
        async with self._generation_lock:
            self._report(Event(Kind.STARTING, self.service.name))
            successor, self._retiring = self._new_generation(), self._generation
            try:
                await self._make_ready(successor)
            except BaseException as error:
                self._retiring = None
                await successor.end(STOP_TIMEOUT_SECONDS)
                if isinstance(error, StartError):
                    raise StartError(f"{NOT_RESTARTED}: {error.reason}", error.reason) from None
                raise
        await self._retire()

    async def _retire(self) -> None:
        """Ends the process that has a successor. If this is cancelled, at once."""
        retiring = self._retiring
        if retiring is None:
            return
        try:
            retiring.retire()
            if await retiring.end_by_force_after(RETIRE_TIMEOUT_SECONDS):
                what = f"the process before it still ran after {RETIRE_TIMEOUT_SECONDS:.0f} s and was killed"
                self._report(Event(Kind.NOTICE, self.service.name, what))
        finally:
            await retiring.end(STOP_TIMEOUT_SECONDS)
            self._retiring = None

    def _new_generation(self) -> Generation:
        return Generation(self.service, self._command, self._log, self._write)

    async def _make_ready(self, generation: Generation) -> None:
        """Starts `generation` and makes it the one that runs. Its listeners start after those of one that retires."""
        started = time.monotonic()
        retiring = self._retiring if self.service.has_listeners else None
        await generation.start(self._listen(), standby=retiring is not None)
        if retiring is not None:
            taking_over = asyncio.create_task(_take_over(generation, retiring))
            self._taking_over.add(taking_over)
            taking_over.add_done_callback(self._taking_over.discard)
        self._generation = generation
        self._ready_at = time.monotonic()
        self._set(State.RUNNING, Kind.READY, f"{generation.address} ({self._ready_at - started:.1f} s)")

    async def _end_generation(self, limit: float) -> None:
        if self._generation is not None:
            await self._generation.end(limit)

    def _listen(self) -> socket.socket | None:
        """The socket that every process of the service inherits. It stays open while none runs. Raises StartError."""
        if self.service.inherits_socket and self._listener is None:
            [port] = self.service.ports
            try:
                self._listener = listening_socket(port)
            except OSError as error:
                reason = f"port {port} {why_taken(port) or f'cannot be used: {error.strerror}'}"
                raise StartError(f"{self.service.name} was not started: {reason}.", reason) from None
        return self._listener

    def _stop_listening(self) -> None:
        """From now on clients are refused, also those that wait."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _write(self, line: bytes, log: BinaryIO) -> None:
        """If nothing read on, the service would stop at its next line; so on a full disk lines are lost instead."""
        try:
            log.write(line)
        except OSError as error:
            self._unlogged.caused_by(error)
        else:
            self._unlogged.over()

    def _notify_of_installation(self, what: str) -> None:
        self._set(State.INSTALLING, Kind.NOTICE, what)

    def _set(self, state: State, kind: Kind, detail: str = "") -> None:
        self.state = state
        self._report(Event(kind, self.service.name, detail))


async def _take_over(successor: Generation, predecessor: Generation) -> None:
    await predecessor.released.wait()
    successor.take_over()
