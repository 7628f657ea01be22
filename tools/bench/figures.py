"""What a load did: its answers, and the statistics of their durations."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Answer(NamedTuple):
    """`kind`: the status, and for a refusal what its body says; or what happened instead of an answer.

    `seconds`: how long it took; `at`: when it came, in seconds after the start of the load, if the generator says so.
    """

    kind: str
    seconds: float
    at: float | None = None

    @property
    def succeeded(self) -> bool:
        return self.kind.startswith("2")

    @property
    def answered(self) -> bool:
        """Whether the server answered at all."""
        return self.kind[:3].isdigit()


@dataclass(frozen=True)
class LoadResult:
    """`elapsed`: seconds of the whole run; `cpu_seconds`: what the generator itself used.

    `retry_after`: the values of this header in refusals, "" where it is missing; empty if the generator does not look.
    `late`: how many requests an open loop sent more than 50 ms behind its schedule. `note`: what a reader must know.
    """

    generator: str
    answers: Sequence[Answer]
    elapsed: float
    cpu_seconds: float = 0.0
    retry_after: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    note: str = ""

    @property
    def durations(self) -> list[float]:
        """Seconds of each call that succeeded."""
        return [answer.seconds for answer in self.answers if answer.succeeded]

    @property
    def failures(self) -> Counter[str]:
        """The calls that did not succeed, by kind."""
        return Counter(answer.kind for answer in self.answers if not answer.succeeded)

    @property
    def refusals(self) -> list[float]:
        """Seconds of each call that was answered, but did not succeed."""
        return [answer.seconds for answer in self.answers if answer.answered and not answer.succeeded]

    def seconds_of(self, status: int) -> list[float]:
        """Seconds of each call that was answered with this status."""
        return [answer.seconds for answer in self.answers if answer.kind.startswith(str(status))]

    @property
    def rate(self) -> float:
        """Calls that succeeded, per second."""
        return len(self.durations) / self.elapsed

    @property
    def availability(self) -> float:
        """The share of calls that succeeded, in percent; 100 without any call."""
        return 100 * len(self.durations) / len(self.answers) if self.answers else 100.0

    def rate_between(self, start: float, end: float) -> float:
        """Successes per second between two moments, in seconds after the start of the load."""
        return self.successes_between(start, end) / (end - start)

    def successes_between(self, start: float, end: float) -> int:
        return sum(answer.succeeded and answer.at is not None and start <= answer.at < end for answer in self.answers)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(values: Sequence[float], percent: float) -> str:
    """A percentile of seconds, as text; a dash without values."""
    return f"{percentile(values, percent) * 1000:,.0f} ms" if values else "–"


def by_status(kinds: Mapping[str, int]) -> str:
    """`3 × 503, 1 × connection refused`: without what each refusal says; `0` without any."""
    found: Counter[str] = Counter()
    for kind, number in kinds.items():
        found[kind[:3] if kind[:3].isdigit() else kind] += number
    return counted(found) or "0"


def counted(kinds: Mapping[str, int]) -> str:
    """`3 × 503 overloaded, 1 × refused`, the most frequent first; empty without any."""
    return ", ".join(f"{number:,} × {kind}" for kind, number in Counter(kinds).most_common())
