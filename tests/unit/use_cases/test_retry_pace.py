"""The pace by itself: each call is told the time."""

import math

import pytest

from shared.use_cases.retry_pace import (
    FAILURES_IN_A_ROW,
    FORGOTTEN_AFTER,
    LEAST,
    MOST,
    PROBES_APART,
    SILENCE,
    RetryPace,
)

UNANSWERED = 20
AT_ONCE = 64


@pytest.fixture
def pace() -> RetryPace:
    return RetryPace(UNANSWERED, AT_ONCE)


def succeed(pace: RetryPace, count: int, now: float) -> float:
    """One after the other, as soon as each may begin; returns when the last has ended."""
    for _ in range(count):
        now += pace.wait(now)
        pace.begin(now)
        pace.succeeded(now)
    return now


def test_until_kakao_answers_one_at_a_time_asks_it(pace: RetryPace) -> None:
    assert pace.wait(0) == 0
    assert pace.within(10, 0) == 1
    pace.begin(0)

    assert pace.wait(0) == math.inf


def test_the_probe_after_one_that_failed_waits_a_second(pace: RetryPace) -> None:
    pace.begin(0)
    pace.failed(0.25)

    assert pace.wait(0.25) == PROBES_APART


def test_it_grows_to_the_most_and_not_beyond(pace: RetryPace) -> None:
    now = succeed(pace, 1000, 0)

    assert pace.rate(now) == MOST


def test_it_does_not_grow_while_there_is_nothing_to_try(pace: RetryPace) -> None:
    now = 0.0
    for _ in range(100):
        now += 5
        pace.begin(now)
        pace.succeeded(now)

    assert pace.rate(now) <= UNANSWERED + 2


def test_a_refusal_for_lack_of_room_slows_down_at_once(pace: RetryPace) -> None:
    now = succeed(pace, 100, 0)
    before = pace.rate(now)
    pace.begin(now)
    pace.busy(now)

    assert pace.rate(now) < before
    assert pace.wait(now) > 0


def test_refusals_alone_leave_one_try_a_second(pace: RetryPace) -> None:
    now = 0.0
    for _ in range(50):
        now += pace.wait(now)
        pace.begin(now)
        pace.busy(now)

    assert pace.rate(now) == LEAST
    assert pace.wait(now) == 1 / LEAST


def test_failures_in_a_row_mean_that_kakao_does_not_answer(pace: RetryPace) -> None:
    now = succeed(pace, 100, 0)
    for _ in range(FAILURES_IN_A_ROW):
        pace.begin(now)
    for _ in range(FAILURES_IN_A_ROW):
        pace.failed(now)

    assert pace.rate(now) == UNANSWERED
    assert pace.wait(now) == PROBES_APART
    assert pace.within(10, now) == 1


def test_without_any_answer_for_a_second_it_is_no_faster_than_without_kakao(pace: RetryPace) -> None:
    now = succeed(pace, 100, 0)
    pace.begin(now)

    assert pace.rate(now + SILENCE) > UNANSWERED
    assert pace.rate(now + SILENCE + 0.01) == UNANSWERED


def test_what_says_nothing_of_kakao_changes_nothing(pace: RetryPace) -> None:
    pace.begin(0)
    pace.not_asked(0.1)

    assert pace.wait(0.1) == 0
    assert pace.within(10, 0.1) == 1


def test_after_a_minute_without_a_try_it_begins_with_a_probe(pace: RetryPace) -> None:
    now = succeed(pace, 100, 0) + FORGOTTEN_AFTER + 1
    assert pace.wait(now) == 0

    pace.begin(now)

    assert pace.wait(now) == math.inf


def test_no_more_run_side_by_side_than_allowed(pace: RetryPace) -> None:
    now = succeed(pace, 1000, 0)
    for _ in range(AT_ONCE):
        pace.begin(now)
        now += 0.01

    assert pace.wait(now) == math.inf
