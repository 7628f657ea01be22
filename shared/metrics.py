"""What is counted and timed: OpenTelemetry instruments, by the names under which an operator finds them.

Use cases count through these functions, which the wiring hands to them. Without an SDK (on a laptop that exports
nothing) they cost next to nothing. No attribute ever holds personal data: attributes are words from fixed lists.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation

from shared.domain.access_record import AccessRecord
from shared.domain.errors import DomainError, KakaoRefused, KakaoUnavailable, Overloaded
from shared.domain.identifiers import utc_now
from shared.domain.registration import RegistrationStatus

METRICS: Final[dict[str, tuple[str, ...]]] = {}
"""Every metric and its attributes, entered when its instrument is created."""

BREAKER_STATES: Final = {"closed": 0, "half-open": 1, "open": 2}

# Bucket boundaries in seconds. Those of durations are the ones that the semantic conventions advise for HTTP.
DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
AGES: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
# From the first pause to the longest lifetime of a registration.
POSTPONEMENTS: Final = (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)
# Seconds for which the oldest pending registration is reported after it was looked up, which register-deferred does
# every minute: the next time may be in another instance.
OLDEST_IS_KNOWN_FOR: Final = 90

_meter = metrics.get_meter("ssak8")
_breakers: dict[str, tuple[int, float]] = {}


_queues: list[Callable[[], int]] = []
"""The queue of this process, once there is one."""


def _observe_waiting(_: CallbackOptions) -> Iterable[Observation]:
    yield from (Observation(waiting()) for waiting in _queues)


_oldest_pending: list[tuple[datetime | None, float]] = []
"""When the oldest pending registration was accepted, and until when that is reported, once it was looked up."""


def _observe_oldest_pending(_: CallbackOptions) -> Iterable[Observation]:
    """0 without any; nothing if another instance looks it up by now."""
    for accepted_at, until in _oldest_pending:
        if time.monotonic() < until:
            yield Observation(max(0.0, (utc_now() - accepted_at).total_seconds()) if accepted_at else 0.0)


def _observe_breakers(_: CallbackOptions) -> Iterable[Observation]:
    """An open circuit whose time is up is half-open, even if no call has tried it yet."""
    now = time.monotonic()
    for circuit, (state, until) in _breakers.items():
        is_due = state == BREAKER_STATES["open"] and now >= until
        yield Observation(BREAKER_STATES["half-open"] if is_due else state, {"circuit": circuit})


def _counter(name: str, unit: str, description: str, *attributes: str) -> Counter:
    METRICS[name] = attributes
    return _meter.create_counter(name, unit, description)


def _histogram(name: str, description: str, boundaries: tuple[float, ...], *attributes: str) -> Histogram:
    METRICS[name] = attributes
    return _meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=boundaries)


def _gauge(
    name: str, description: str, observe: Callable[[CallbackOptions], Iterable[Observation]], *attributes: str
) -> None:
    METRICS[name] = attributes
    _meter.create_observable_gauge(name, [observe], description=description)


_registrations = _counter("ssak8.registrations", "{customer}", "Customers registered.")
_cancellations = _counter("ssak8.cancellations", "{customer}", "Registrations cancelled.")
_refusals = _counter("ssak8.refusals", "{request}", "Registrations refused, by reason.", "reason")
_accesses = _counter(
    "ssak8.accesses", "{access}", "What operators saw or changed of customers' data.", "action", "target"
)
_sign_ins = _counter("ssak8.sign_ins", "{attempt}", "Attempts to sign in, by outcome.", "issuer", "outcome")
_wait = _histogram("ssak8.registration.wait", "How long an admitted registration waited for its turn.", DURATIONS)
_gauge("ssak8.registration.waiting", "Registrations that wait for their turn.", _observe_waiting)
_postponed = _counter("ssak8.registrations.postponed", "{registration}", "Registrations postponed.")
_ended = _counter(
    "ssak8.registrations.ended", "{registration}", "Postponed registrations that ended, by status.", "status"
)
_tries = _counter(
    "ssak8.registration.tries", "{attempt}", "Attempts of postponed registrations, by outcome.", "outcome"
)
_gauge(
    "ssak8.registration.oldest", "Seconds since the oldest pending registration was accepted.", _observe_oldest_pending
)
_postponement = _histogram(
    "ssak8.registration.postponement", "From accepting a postponed registration to the customer.", POSTPONEMENTS
)
_kakao_duration = _histogram("ssak8.kakao.duration", "Calls to the kakao service, by outcome.", DURATIONS, "outcome")
_outbox_age = _histogram("ssak8.outbox.age", "From an event to its publication.", AGES)
_alert_age = _histogram("ssak8.alert.age", "From a cancellation to the record of its alert.", AGES)
_view_age = _histogram("ssak8.view.age", "From an event to the view that shows it.", AGES)
_forget_age = _histogram(
    "ssak8.forget.age", "From a cancellation until a timer has made sure that it is forgotten.", AGES, "what"
)
_expired = _counter("ssak8.expired", "{message}", "Messages that expired unhandled and were removed.", "source")
_gauge("ssak8.breaker.state", "0 closed, 1 half-open, 2 open, by circuit.", _observe_breakers, "circuit")


def count_registration() -> None:
    _registrations.add(1)


def count_sign_in(issuer: str, outcome: str) -> None:
    """`issuer`: kakao or entra. `outcome`: signed-in, refused or unavailable."""
    _sign_ins.add(1, {"issuer": issuer, "outcome": outcome})


def count_cancellation() -> None:
    _cancellations.add(1)


def count_access(record: AccessRecord) -> None:
    """Counts something that an operator saw or changed."""
    _accesses.add(1, {"action": record.action.value, "target": record.target.value})


def count_refusal(error: DomainError) -> None:
    """Counts a registration that failed, by its reason."""
    reason = error.reason if isinstance(error, KakaoUnavailable | Overloaded) else type(error).__name__
    _refusals.add(1, {"reason": reason})


def record_registration_wait(seconds: float) -> None:
    """Records how long a registration waited until it was its turn."""
    _wait.record(seconds)


def observe_queue(count_waiting: Callable[[], int]) -> None:
    """Reports how many registrations wait whenever metrics are exported."""
    _queues[:] = [count_waiting]


def count_postponed() -> None:
    _postponed.add(1)


def count_ended(status: RegistrationStatus) -> None:
    """Counts a postponed registration that is pending no longer."""
    _ended.add(1, {"status": status.value})


def count_try(outcome: str) -> None:
    """Counts an attempt of a postponed registration. `outcome` is a word of `Outcome`."""
    _tries.add(1, {"outcome": outcome})


def record_registered_after(accepted_at: datetime) -> None:
    """Records how long a customer was pending who is registered now."""
    _record_age(_postponement, accepted_at)


def set_oldest_pending(accepted_at: datetime | None) -> None:
    """Reports the oldest pending registration until the next time. None: there is none."""
    _oldest_pending[:] = [(accepted_at, time.monotonic() + OLDEST_IS_KNOWN_FOR)]


@contextmanager
def time_kakao_call() -> Iterator[None]:
    """Times a call of the kakao service by its outcome: success, refused, the reason of a failure, or failed."""
    before, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "success"
    except KakaoUnavailable as error:
        outcome = error.reason
        raise
    except KakaoRefused:
        outcome = "refused"
        raise
    finally:
        _kakao_duration.record(time.perf_counter() - before, {"outcome": outcome})


def record_outbox_age(since: datetime) -> None:
    _record_age(_outbox_age, since)


def record_alert_age(since: datetime) -> None:
    _record_age(_alert_age, since)


def record_view_age(since: datetime) -> None:
    _record_age(_view_age, since)


def record_forget_age(what: str, since: datetime) -> None:
    """Records that a timer has made sure of a cancellation. `what`: claims, messages, views."""
    _forget_age.record(max(0.0, (utc_now() - since).total_seconds()), {"what": what})


def count_expired(source: str) -> None:
    """Counts a message that was removed because it had expired. `source`: where it lay."""
    _expired.add(1, {"source": source})


def _record_age(histogram: Histogram, since: datetime) -> None:
    """Records the seconds since then; 0 if the clocks of two machines put it into the future."""
    histogram.record(max(0.0, (utc_now() - since).total_seconds()))


def set_breaker_state(circuit: str, state: str, reset_seconds: float) -> None:
    """Sets the state of a circuit breaker: closed, half-open, or open for `reset_seconds` from now."""
    _breakers[circuit] = BREAKER_STATES[state], time.monotonic() + reset_seconds
