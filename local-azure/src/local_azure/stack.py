"""A running stack, for tests and scripts; the command line uses it too."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, Configuration, ConfigurationError
from local_azure.identity.key import identity_settings
from local_azure.listening import HOST
from local_azure.movable_clock import duration_text
from local_azure.supervisor.control import ControlClient
from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.lifecycle import StackOptions
from local_azure.supervisor.services import StackError, State
from local_azure.supervisor.state_folder import Running, StateFolder
from local_azure.supervisor.supervisor import ServiceStatus

__all__ = ["NotRunningError", "Stack", "StackError"]

DOWN_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 0.02
# Longer than installing and starting Azurite may take.
JOIN_TIMEOUT_SECONDS = 400.0
JOIN_POLL_SECONDS = 0.1


class NotRunningError(StackError):
    """No stack is running with this state folder."""


def _silent(_: Event) -> None:
    """Ignores events."""


class Stack:
    """A stack, which runs under a supervisor process of its own.

    `with Stack.start(config, state) as stack:` or `async with` ends it at the end of the block. The methods block while
    services start or end; in async code use `asyncio.to_thread` if that matters. All raise StackError.
    """

    def __init__(self, state: Path = DEFAULT_STATE, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """Connects to the stack that is running with this state folder. Raises NotRunningError.

        `process`: its supervisor, if this process started it.
        """
        self.state = StateFolder(state)
        self.running = _running(self.state)
        self._control = ControlClient(self.running)
        self._process = process

    @classmethod
    def start(
        cls,
        config: Path = DEFAULT_FILE,
        state: Path | None = None,
        *,
        only: Collection[str] = (),
        free_ports: bool = True,
        settings: Path | None = None,
    ) -> Self:
        """Starts a stack, and returns once its services are ready. It ends with this process, even a killed one.

        Azurite joins later, unless `only` names it or nothing else runs: see `wait_for`.
        `state` None: `.local-azure` beside `config`. `only`: the services to run; empty: all of `config`.
        `settings`: a file with settings of every app, which override all others, and which is read again whenever an
        app starts. Raises ConfigurationError too.
        """
        options = StackOptions(config, only, free_ports, settings=settings)
        return cls._start(options, state or config.resolve().parent / DEFAULT_STATE, end_with_parent=True)

    @classmethod
    def start_in_background(cls, options: StackOptions, state: Path, report: Report = _silent) -> Self:
        """Like `start`, but the stack keeps running until some process calls `down`."""
        return cls._start(options, state, end_with_parent=False, report=report)

    @classmethod
    def _start(cls, options: StackOptions, state: Path, *, end_with_parent: bool, report: Report = _silent) -> Self:
        command = [sys.executable, "-m", "local_azure.supervisor"]
        command += ["--config", str(options.config), "--state", str(state)]
        command += [f"--only={service}" for service in options.only]
        command += ["--free-ports"] if options.free_ports else []
        command += ["--reload"] if options.reload else []
        command += ["--settings", str(options.settings)] if options.settings else []
        command += ["--end-with-parent"] if end_with_parent else []
        supervisor = subprocess.Popen(  # noqa: S603 this Python, this package
            command,
            stdin=subprocess.PIPE if end_with_parent else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _wait_until_up(supervisor, report)
        except BaseException:
            supervisor.terminate()
            supervisor.wait(DOWN_TIMEOUT_SECONDS)
            raise
        return cls(state, supervisor)

    @staticmethod
    def state_folder(config: Path = DEFAULT_FILE, state: Path | None = None) -> Path:
        """The state folder of a stack that is about to start, made if it does not exist.

        `reset` also deletes what others put there. `state` None: `.local-azure` beside `config`. Raises StackError,
        also if a stack is running with it: what that one reads again, when an app restarts, must not change.
        """
        folder = StateFolder(state or config.resolve().parent / DEFAULT_STATE)
        folder.prepare()
        folder.refuse_in_use()
        return folder.folder

    @property
    def settings(self) -> Path | None:
        """The file with the settings of this run, if it has one."""
        return self.running.settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.down)

    def url(self, service: str) -> str:
        """`http://127.0.0.1:PORT`. Azurite has three: `azurite_blob`, `azurite_queue`, `azurite_table`."""
        scheme = "amqp" if service == "service_bus" else "http"
        return f"{scheme}://{HOST}:{self.port(service)}"

    def port(self, service: str) -> int:
        if (port := self.running.ports.get(service)) is None:
            raise StackError(f"there is no service {service!r}; there are {', '.join(self.running.ports)}")
        return port

    @property
    def services(self) -> list[str]:
        """The names of the services it was started with."""
        return self.running.services

    def connection_string(self, emulator: str) -> str:
        """For the SDK's `from_connection_string`. `emulator`: `cosmos`, `service_bus` or `azurite`."""
        strings = self.running.connection_strings
        if emulator not in strings:
            raise StackError(
                f"{emulator!r} has no connection string; there are those of {', '.join(strings) or 'none'}"
            )
        return strings[emulator]

    def identity_settings(self, app: str) -> dict[str, str]:
        """The environment variables with which the SDK gets tokens of the app's identity, as the app does."""
        section = Configuration.load(self.running.config).apps.get(app)
        if section is None or section.identity is None:
            raise StackError(f"{app!r} is no app with an identity; set apps.{app}.identity")
        return identity_settings(app, self.port("identity"), self.state.folder)

    def status(self) -> list[ServiceStatus]:
        return self._control.status()

    def wait_for(self, service: str, timeout: float = JOIN_TIMEOUT_SECONDS) -> None:
        """Returns once the service is running. Raises StackError after `timeout` seconds, or if it is left out."""
        deadline = time.monotonic() + timeout
        while True:
            found = [status for status in self.status() if status.name == service]
            if not found:
                raise StackError(f"there is no service {service!r}; there are {', '.join(self.services)}")
            [status] = found
            if status.state is State.RUNNING:
                return
            if status.state is State.LEFT_OUT:
                raise StackError(f"{service} is left out: {status.cause}")
            if time.monotonic() > deadline:
                raise StackError(f"{service} is {status.state} after {timeout:.0f} s")
            time.sleep(JOIN_POLL_SECONDS)

    def pid(self, service: str) -> int:
        """Its current process id. Raises StackError if it is not running."""
        for status in self.status():
            if status.name == service and status.pid is not None:
                return status.pid
        raise StackError(f"{service} is not running")

    def kill(self, service: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal to its process, and returns the process id. The supervisor restarts a service that ends."""
        pid = self.pid(service)
        os.kill(pid, number)
        return pid

    def stop_service(self, service: str, report: Report = _silent) -> None:
        """Ends one service; it stays stopped until `start_service`."""
        self._control.change("stop", service, report)

    def start_service(self, service: str, report: Report = _silent) -> None:
        """Starts a stopped service on the same port, and returns once it is ready."""
        self._control.change("start", service, report)

    def restart_service(self, service: str, report: Report = _silent) -> None:
        self._control.change("restart", service, report)

    def clock_ahead(self) -> timedelta:
        """How far the clock of the emulators is ahead of the real one."""
        return self.advance_clock(timedelta())

    def advance_clock(self, by: timedelta) -> timedelta:
        """Moves the clock of Cosmos DB and Service Bus ahead, by whole seconds. Returns how far it is ahead then.

        What expires or is to be enqueued by then, is at once. If an emulator does not confirm it, this raises
        StackError, although the clock was moved.
        """
        if by < timedelta() or by.microseconds:
            raise StackError(f"the clock only moves forward, and by whole seconds: not by {by}")
        clock = self._control.advance_clock(by // timedelta(seconds=1))
        if clock.unconfirmed:
            raise StackError(
                f"The clock is {duration_text(clock.seconds_ahead)} ahead, but {'; '.join(clock.unconfirmed)}. It will "
                "have it as soon as it answers again, or when it is restarted: do not advance the clock once more."
            )
        return timedelta(seconds=clock.seconds_ahead)

    def log(self, service: str) -> str:
        """The current log file of the service."""
        return self.state.log_file(service).read_text(encoding="utf-8", errors="replace")

    def down(self, report: Report = _silent) -> None:
        """Ends all services and the supervisor. Does nothing if they have ended."""
        if self.state.is_locked:
            self._control.down(report)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Returns once the supervisor's process has ended."""
        if self._process is not None:
            self._process.wait(DOWN_TIMEOUT_SECONDS)
            if self._process.stdin is not None:
                self._process.stdin.close()
            return
        deadline = time.monotonic() + DOWN_TIMEOUT_SECONDS
        while self.running.supervisor.find() is not None:
            if time.monotonic() > deadline:
                raise StackError(f"the supervisor (process {self.running.supervisor.pid}) has not ended")
            time.sleep(POLL_SECONDS)


def _running(state: StateFolder) -> Running:
    running = state.read_running()
    if running is None or not state.is_locked:
        raise NotRunningError(f"nothing is running with the state folder {state.folder}")
    return running


def _wait_until_up(supervisor: subprocess.Popen[bytes], report: Report) -> None:
    if supervisor.stdout is None:
        raise RuntimeError("the process was started without a pipe")
    with supervisor.stdout as output:
        for line in output:
            document = json.loads(line)
            if "event" in document:
                report(Event.from_json(document["event"]))
            elif "error" in document:
                raise (ConfigurationError if document["exit"] == 2 else StackError)(document["error"])
            else:
                return
    raise StackError("the supervisor ended before the stack was up")
