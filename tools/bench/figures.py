"""Turning durations and CPU times into figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class LoadResult:
    """What a load run saw. `durations`: seconds of each registration; `elapsed`: seconds of the whole run.

    `failures`: how often each answer came that was no registration.
    """

    generator: str
    durations: Sequence[float]
    failures: Mapping[str, int]
    elapsed: float

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.durations) / self.elapsed

    @property
    def mean(self) -> float:
        return sum(self.durations) / len(self.durations)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system CPU time of each process so far, its children included."""
    spent = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        spent[name] = sum(sum(member.cpu_times()[:2]) for member in family)
    return spent
