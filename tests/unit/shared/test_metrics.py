import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

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
from tests.measured import measured


def test_every_metric_is_listed_with_its_attributes() -> None:
    assert metrics.METRICS == {
        "ssak8.registrations": (),
        "ssak8.cancellations": (),
        "ssak8.refusals": ("reason",),
        "ssak8.registration.wait": (),
        "ssak8.registration.waiting": (),
        "ssak8.kakao.duration": ("outcome",),
        "ssak8.outbox.age": (),
        "ssak8.alert.age": (),
        "ssak8.view.age": (),
        "ssak8.breaker.state": ("circuit",),
    }


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (metrics.count_registration, "ssak8.registrations"),
        (metrics.count_cancellation, "ssak8.cancellations"),
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
    ],
)
@pytest.mark.parametrize("ago", [timedelta(seconds=5), timedelta(seconds=-5)], ids=["past", "future"])
def test_ages_are_recorded_even_if_clocks_differ(record: Callable[[datetime], None], name: str, ago: timedelta) -> None:
    before = measured(name)

    record(utc_now() - ago)

    assert measured(name) == before + 1
