"""What a service is to the supervisor."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

READY_TIMEOUT_SECONDS = 60.0


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do about it."""


class StartError(StackError):
    """A service did not become ready; the message names it and has the end of its log."""


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Service:
    """A child process to run. `after`: services that must be ready before it starts.

    It is ready once it prints a line `ready ADDRESS`, or, without `announces_ready`, once all `ports` accept.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    ports: tuple[int, ...]
    after: frozenset[str] = frozenset()
    announces_ready: bool = True
    ready_timeout: float = READY_TIMEOUT_SECONDS
