"""How the sandbox provider behaves: as well, as slowly or as badly as a real one might."""

import math
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from shared.domain.record import Record

# Of the standard normal distribution.
P99_DEVIATIONS: Final = 2.3263

Capacity = Annotated[float, Field(gt=0, le=10_000)]
Latency = Annotated[float, Field(ge=0, le=600)]
Rate = Annotated[float, Field(ge=0, le=1)]


def is_distribution(median: float, p99: float | None) -> bool:
    """Whether there is a log-normal distribution with this median and p99. Without a p99 there is only the median."""
    return p99 is None or p99 == median or 0 < median < p99


class SandboxBehaviour(Record):
    """By default every message is accepted at once.

    `capacity`: messages a second; any beyond it are turned away at once. `latency_median_seconds`,
    `latency_p99_seconds`: of a log-normal distribution; without a p99 the latency is always the median.
    `failure_rate`: the share of messages that fail before they are sent. `lost_answer_rate`: the share of messages that
    are sent, and then seem to have failed. `outage`: every message fails at once.
    """

    # A typing error must not look like a healthy provider.
    model_config = ConfigDict(extra="forbid", strict=True)

    capacity: Capacity | None = None
    latency_median_seconds: Latency = 0
    latency_p99_seconds: Latency | None = None
    failure_rate: Rate = 0
    lost_answer_rate: Rate = 0
    outage: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not is_distribution(self.latency_median_seconds, self.latency_p99_seconds):
            raise ValueError("latencyP99Seconds must be at least latencyMedianSeconds, which must then not be 0")
        return self

    def latency(self, deviation: float) -> float:
        """Seconds. `deviation`: from the standard normal distribution."""
        median, p99 = self.latency_median_seconds, self.latency_p99_seconds
        return median * math.exp(math.log(p99 / median) / P99_DEVIATIONS * deviation) if p99 and median else median
