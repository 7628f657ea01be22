"""The processes of a stack: their CPU time and their memory."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import psutil

from local_azure.stack import Stack

SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class Processes:
    """The process ids by the name of the service, and that of the supervisor, which copies the logs."""

    pids: Mapping[str, int]
    supervisor: int | None = None

    @classmethod
    def of(cls, stack: Stack) -> Self:
        return cls({status.name: status.pid for status in stack.status() if status.pid}, stack.running.supervisor.pid)

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time of each service so far, with the processes that it started."""
        spent = {name: sum(_cpu_seconds(process) for process in _family(pid)) for name, pid in self.pids.items()}
        if self.supervisor is not None:
            # The services are its children: here it counts alone.
            spent[SUPERVISOR] = _cpu_seconds(psutil.Process(self.supervisor))
        return spent

    def memory(self) -> dict[str, int]:
        """Resident bytes of each service, with the processes that it started."""
        return {name: sum(_memory(process) for process in _family(pid)) for name, pid in self.pids.items()}


@dataclass(frozen=True)
class Spent:
    """What was used between two moments. `services`: CPU seconds by name; `machine`: of everything that ran here."""

    services: Mapping[str, float]
    machine: float
    elapsed: float

    @property
    def total(self) -> float:
        return sum(self.services.values())

    def others_share(self, generator: float) -> float:
        """The share of the machine, 0 to 1, that neither the services nor the generator used: noise."""
        return max(0.0, self.machine - self.total - generator) / self._capacity

    @property
    def idle_share(self) -> float:
        """The share of the machine that nobody used, 0 to 1."""
        return max(0.0, 1 - self.machine / self._capacity)

    @property
    def _capacity(self) -> float:
        """CPU seconds that the machine had meanwhile."""
        return self.elapsed * (psutil.cpu_count() or 1)


class Meter:
    """Counts CPU time from its creation on."""

    def __init__(self, stack: Stack) -> None:
        self._processes = Processes.of(stack)
        self._services = self._processes.cpu_seconds()
        self._machine = _machine_seconds()
        self._start = time.monotonic()

    def read(self) -> Spent:
        now = self._processes.cpu_seconds()
        services = {name: now[name] - before for name, before in self._services.items()}
        return Spent(services, _machine_seconds() - self._machine, time.monotonic() - self._start)


def _family(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def _cpu_seconds(process: psutil.Process) -> float:
    """With the children that have ended. 0 for a process that has just ended itself."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)
