"""Statistics of durations, and the CPU time of processes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class LoadResult:
    """`durations`: seconds of each registration; `elapsed`: seconds of the whole run.

    `failures`: the number of calls that did not register, by status or error.
    """

    generator: str
    durations: Sequence[float]
    failures: Mapping[str, int]
    elapsed: float

    @property
    def rate(self) -> float:
        """Registrations per second."""
        return len(self.durations) / self.elapsed

    @property
    def mean(self) -> float:
        return sum(self.durations) / len(self.durations)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system CPU time of each process so far, including its children."""
    spent = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        spent[name] = sum(sum(member.cpu_times()[:2]) for member in family)
    return spent
