"""A service, its states and its errors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

READY_TIMEOUT_SECONDS = 60.0


class StackError(Exception):
    """A command cannot be carried out; the message gives the reason and the fix."""


class StartError(StackError):
    """A service did not become ready; the message contains the end of its log. `reason`: one line."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class State(StrEnum):
    INSTALLING = "installing"
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    LEFT_OUT = "left out"


type Notify = Callable[[str], None]
type Settings = Callable[[], Mapping[str, str]]
type Install = Callable[[Notify], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True)
class Service:
    """A child process to run. `after`: services that must be ready before it starts.

    It is ready when it prints `ready ADDRESS` or, without `announces_ready`, when all `ports` accept connections, and
    with `health` when a GET of this path at the first port is answered 200. `install`: installs it if necessary, and
    returns its command, instead of `command`; raises StackError. `optional`: the others start without it.
    `settings`: read for each process that starts, and override its `environment`; raises ConfigurationError.
    `ends_as_group`: signals also go to what it has started, none of which outlives it.

    `inherits_socket`: the supervisor listens on its port, and adds `--socket FD` to the command: who connects while no
    process runs waits for the next one. `hands_over`: a restart starts a process beside the running one, which then
    gets SIGTERM and lets its clients go one by one; at SIGINT it lets all go at once. `has_listeners`: which must not
    run twice, so the command accepts `--standby`, and starts them at SIGUSR1; at SIGUSR2 its timers follow the
    emulators' clock. `has_clock`: one that may be moved; at SIGUSR1 it reads again how far it is ahead.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    ports: tuple[int, ...]
    after: frozenset[str] = frozenset()
    announces_ready: bool = True
    health: str | None = None
    ends_as_group: bool = False
    ready_timeout: float = READY_TIMEOUT_SECONDS
    install: Install | None = None
    settings: Settings = dict
    optional: bool = False
    inherits_socket: bool = False
    hands_over: bool = False
    has_listeners: bool = False
    has_clock: bool = False
