import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from opentelemetry.metrics import CallbackOptions

from shared import metrics
from shared.domain.errors import (
    DomainError,
    IdempotencyKeyReused,
    KakaoRefused,
    KakaoUnavailable,
    Overloaded,
    StoreUnavailable,
)
from shared.domain.identifiers import utc_now
from shared.domain.registration import RegistrationStatus
from tests.measured import measured


def test_every_metric_is_listed_with_its_attributes() -> None:
    assert metrics.METRICS == {
        "ssak8.registrations": (),
        "ssak8.cancellations": (),
        "ssak8.accesses": ("action", "target"),
        "ssak8.sign_ins": ("issuer", "outcome"),
        "ssak8.refusals": ("reason",),
        "ssak8.registrations.postponed": (),
        "ssak8.registrations.ended": ("status",),
        "ssak8.registration.tries": ("outcome",),
        "ssak8.registration.oldest": (),
        "ssak8.registration.postponement": (),
        "ssak8.registration.wait": (),
        "ssak8.registration.waiting": (),
        "ssak8.kakao.duration": ("outcome",),
        "ssak8.outbox.age": (),
        "ssak8.alert.age": (),
        "ssak8.view.age": (),
        "ssak8.forget.age": ("what",),
        "ssak8.expired": ("source",),
        "ssak8.breaker.state": ("circuit",),
    }


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (metrics.count_registration, "ssak8.registrations"),
        (metrics.count_cancellation, "ssak8.cancellations"),
        (metrics.count_postponed, "ssak8.registrations.postponed"),
    ],
)
def test_successes_are_counted(count: Callable[[], None], name: str) -> None:
    before = measured(name)

    count()

    assert measured(name) == before + 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KakaoUnavailable("timeout", 2), "timeout"),
        (Overloaded("queue too long", 2), "queue too long"),
        (KakaoRefused("secret"), "KakaoRefused"),
        (StoreUnavailable("secret", 2), "StoreUnavailable"),
        (IdempotencyKeyReused("secret"), "IdempotencyKeyReused"),
    ],
)
def test_a_refusal_is_counted_by_its_reason(error: DomainError, reason: str) -> None:
    before = measured("ssak8.refusals", reason=reason)

    metrics.count_refusal(error)

    assert measured("ssak8.refusals", reason=reason) == before + 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KakaoUnavailable("overloaded", 2), "overloaded"),
        (KakaoRefused("no"), "refused"),
        (asyncio.CancelledError(), "failed"),
        (ValueError("unexpected"), "failed"),
    ],
)
def test_a_call_of_kakao_that_fails_is_timed_by_its_outcome(error: BaseException, outcome: str) -> None:
    before = measured("ssak8.kakao.duration", outcome=outcome)

    with pytest.raises(type(error)), metrics.time_kakao_call():
        raise error

    assert measured("ssak8.kakao.duration", outcome=outcome) == before + 1


def test_a_call_of_kakao_that_succeeds_is_timed_as_a_success() -> None:
    before = measured("ssak8.kakao.duration", outcome="success")

    with metrics.time_kakao_call():
        pass

    assert measured("ssak8.kakao.duration", outcome="success") == before + 1


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (metrics.record_outbox_age, "ssak8.outbox.age"),
        (metrics.record_alert_age, "ssak8.alert.age"),
        (metrics.record_view_age, "ssak8.view.age"),
        (metrics.record_registered_after, "ssak8.registration.postponement"),
    ],
)
@pytest.mark.parametrize("ago", [timedelta(seconds=5), timedelta(seconds=-5)], ids=["past", "future"])
def test_ages_are_recorded_even_if_clocks_differ(record: Callable[[datetime], None], name: str, ago: timedelta) -> None:
    before = measured(name)

    record(utc_now() - ago)

    assert measured(name) == before + 1


def test_what_became_of_postponed_registrations_is_counted() -> None:
    ended = measured("ssak8.registrations.ended", status="expired")
    tries = measured("ssak8.registration.tries", outcome="busy")

    metrics.count_ended(RegistrationStatus.EXPIRED)
    metrics.count_try("busy")

    assert measured("ssak8.registrations.ended", status="expired") == ended + 1
    assert measured("ssak8.registration.tries", outcome="busy") == tries + 1


def test_the_oldest_pending_registration_is_reported_only_while_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.set_oldest_pending(utc_now() - timedelta(hours=1))
    assert measured("ssak8.registration.oldest") == pytest.approx(3600, abs=5)

    later = time.monotonic() + metrics.OLDEST_IS_KNOWN_FOR
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert list(metrics._observe_oldest_pending(CallbackOptions())) == []

    metrics.set_oldest_pending(None)
    assert measured("ssak8.registration.oldest") == 0
