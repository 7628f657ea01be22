"""What is counted and timed: OpenTelemetry instruments, by the names under which an operator finds them.

Without an SDK (on a laptop that exports nothing) they cost next to nothing and go nowhere. No attribute ever holds
personal data: attributes are words from fixed lists.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, Observation

from shared.domain.errors import DomainError, KakaoUnavailable
from shared.domain.identifiers import utc_now

METRICS: Final[dict[str, tuple[str, ...]]] = {
    "ssak8.registrations": (),
    "ssak8.refusals": ("reason",),
    "ssak8.cancellations": (),
    "ssak8.kakao.duration": ("outcome",),
    "ssak8.breaker.state": ("circuit",),
    "ssak8.outbox.age": (),
    "ssak8.alert.age": (),
    "ssak8.view.age": (),
}
"""Every metric and its attributes."""

BREAKER_STATES: Final = {"closed": 0, "half-opened": 1, "opened": 2}

# Seconds. The first are those that the semantic conventions advise for HTTP.
DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
AGES: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

_meter = metrics.get_meter("ssak8")
_breakers: dict[str, tuple[int, float]] = {}


def _observe_breakers(_: CallbackOptions) -> Iterable[Observation]:
    """An open circuit that may be tried again is half-open, whether or not anybody has come to try it."""
    now = time.monotonic()
    for circuit, (state, until) in _breakers.items():
        open_no_more = state == BREAKER_STATES["opened"] and now >= until
        yield Observation(BREAKER_STATES["half-opened"] if open_no_more else state, {"circuit": circuit})


def _histogram(name: str, description: str, boundaries: tuple[float, ...]) -> Histogram:
    return _meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=boundaries)


registrations = _meter.create_counter("ssak8.registrations", "{customer}", "Customers registered.")
cancellations = _meter.create_counter("ssak8.cancellations", "{customer}", "Registrations cancelled.")
_refusals = _meter.create_counter("ssak8.refusals", "{request}", "Registrations refused, by reason.")
_kakao_duration = _histogram("ssak8.kakao.duration", "Calls of the kakao service, by outcome.", DURATIONS)
outbox_age = _histogram("ssak8.outbox.age", "From what happened to its event being published.", AGES)
alert_age = _histogram("ssak8.alert.age", "From a cancellation to its alert being recorded.", AGES)
view_age = _histogram("ssak8.view.age", "From what happened to the view telling it.", AGES)
_meter.create_observable_gauge(
    "ssak8.breaker.state", [_observe_breakers], description="0 closed, 1 half-open, 2 open, by circuit."
)


def breaker_is(circuit: str, state: str, reset_seconds: float) -> None:
    """Tells the state of a circuit breaker: closed, half-opened or opened, and then for so many seconds from now."""
    _breakers[circuit] = BREAKER_STATES[state], time.monotonic() + reset_seconds


def kakao_answered(seconds: float, outcome: str) -> None:
    """Tells how long a call of kakao took. `outcome`: success, or the reason why not."""
    _kakao_duration.record(seconds, {"outcome": outcome})


def record_age(histogram: Histogram, since: datetime) -> None:
    """Records the seconds since then; clocks of two machines may make it look like the future."""
    histogram.record(max(0.0, (utc_now() - since).total_seconds()))


@contextmanager
def refusals_counted() -> Iterator[None]:
    """Counts a registration that fails inside by its reason, and lets the failure pass."""
    try:
        yield
    except KakaoUnavailable as error:
        _refusals.add(1, {"reason": error.reason})
        raise
    except DomainError as error:
        _refusals.add(1, {"reason": type(error).__name__})
        raise
