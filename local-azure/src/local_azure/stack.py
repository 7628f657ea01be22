"""A running local Azure for programs: tests, load tests, scripts. The command line is built on it too."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, ConfigurationError
from local_azure.listening import HOST
from local_azure.supervisor.control import ControlClient
from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.lifecycle import StackOptions
from local_azure.supervisor.plan import child_environment
from local_azure.supervisor.services import StackError
from local_azure.supervisor.state_folder import Running, StateFolder
from local_azure.supervisor.supervisor import ServiceStatus

DOWN_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 0.02


class NotRunningError(StackError):
    """There is no stack with this state folder."""


def _silent(_: Event) -> None:
    """Reports to nobody."""


class Stack:
    """A stack under its own supervisor process.

    `with Stack.start(config, state) as stack:` ends it at the end; so does `async with`. All methods block, for as
    long as a service needs to start or end; in async code use `asyncio.to_thread` where that matters.
    All raise StackError.
    """

    def __init__(self, state: Path = DEFAULT_STATE) -> None:
        """Connects to the stack that runs with this state folder. Raises NotRunningError."""
        self.state = StateFolder(state)
        self.running = _running(self.state)
        self._control = ControlClient(self.running)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        config: Path = DEFAULT_FILE,
        state: Path | None = None,
        *,
        only: Collection[str] = (),
        free_ports: bool = True,
    ) -> Self:
        """Starts a stack and returns once all its services are ready. It ends with this process, however that ends.

        `state` None: `.local-azure` beside `config`. `only`: the services to run; empty: all of `config`.
        Raises ConfigurationError too.
        """
        options = StackOptions(config, only, free_ports)
        return cls._start(options, state or config.resolve().parent / DEFAULT_STATE, end_with_parent=True)

    @classmethod
    def start_in_background(cls, options: StackOptions, state: Path, report: Report = _silent) -> Self:
        """Like `start`, but the stack runs until `down` is called, in whichever process."""
        return cls._start(options, state, end_with_parent=False, report=report)

    @classmethod
    def _start(cls, options: StackOptions, state: Path, *, end_with_parent: bool, report: Report = _silent) -> Self:
        command = [sys.executable, "-m", "local_azure.supervisor"]
        command += ["--config", str(options.config), "--state", str(state)]
        command += [f"--only={service}" for service in options.only]
        command += ["--free-ports"] if options.free_ports else []
        command += ["--end-with-parent"] if end_with_parent else []
        supervisor = subprocess.Popen(  # noqa: S603 this Python, this package
            command,
            stdin=subprocess.PIPE if end_with_parent else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=child_environment(),
        )
        try:
            _wait_until_up(supervisor, report)
        except BaseException:
            supervisor.terminate()
            supervisor.wait(DOWN_TIMEOUT_SECONDS)
            raise
        stack = cls(state)
        stack._process = supervisor
        return stack

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
        """`http://127.0.0.1:PORT`; that of Azurite: `azurite_blob`, `azurite_queue`, `azurite_table`."""
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

    def status(self) -> list[ServiceStatus]:
        return self._control.status()

    def pid(self, service: str) -> int:
        """The process id it has now. Raises StackError where it does not run."""
        for status in self.status():
            if status.name == service and status.pid is not None:
                return status.pid
        raise StackError(f"{service} does not run")

    def kill(self, service: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal to its process, and returns the process id; the supervisor starts it again."""
        pid = self.pid(service)
        os.kill(pid, number)
        return pid

    def stop_service(self, service: str, report: Report = _silent) -> None:
        """Ends one service; it stays down until `start_service`."""
        self._control.change("stop", service, report)

    def start_service(self, service: str, report: Report = _silent) -> None:
        """Starts a stopped service on the port it had, and returns once it is ready."""
        self._control.change("start", service, report)

    def restart_service(self, service: str, report: Report = _silent) -> None:
        self._control.change("restart", service, report)

    def log(self, service: str) -> str:
        """What the service has logged, as far as it is kept."""
        return self.state.log_file(service).read_text(encoding="utf-8", errors="replace")

    def down(self, report: Report = _silent) -> None:
        """Ends all services and the supervisor. Does nothing if it has ended already."""
        if self.state.is_locked:
            self._control.down(report)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Returns once the supervisor's process is gone."""
        if self._process is not None:
            self._process.wait(DOWN_TIMEOUT_SECONDS)
            if self._process.stdin is not None:
                self._process.stdin.close()
            return
        deadline = time.monotonic() + DOWN_TIMEOUT_SECONDS
        while self.running.supervisor.find() is not None:
            if time.monotonic() > deadline:
                raise StackError(f"the supervisor (process {self.running.supervisor.pid}) does not end")
            time.sleep(POLL_SECONDS)


def _running(state: StateFolder) -> Running:
    running = state.read_running()
    if running is None or not state.is_locked:
        raise NotRunningError(f"nothing runs with its state in {state.folder}")
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
