import pytest

from tools.bench.figures import Answer, LoadResult, by_status, counted, milliseconds, percentile


def result(*answers: Answer, elapsed: float = 2.0) -> LoadResult:
    return LoadResult("test", answers, elapsed)


def test_a_percentile_is_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]

    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 50) == 3.0
    assert milliseconds([0.1, 0.2], 100) == "200 ms"
    assert milliseconds([], 50) == "–"


def test_only_successes_count_for_rate_and_durations() -> None:
    measured = result(
        Answer("201", 0.1), Answer("503 overloaded", 0.2), Answer("201", 0.3), Answer("connection lost", 1)
    )

    assert measured.durations == [0.1, 0.3]
    assert measured.seconds_of(503) == [0.2]
    assert measured.rate == 1.0
    assert measured.availability == 50.0
    assert measured.refusals == [0.2]
    assert measured.failures == {"503 overloaded": 1, "connection lost": 1}


def test_the_rate_of_a_part_counts_answers_of_that_part() -> None:
    measured = result(Answer("201", 0.1, at=0.5), Answer("201", 0.1, at=1.0), Answer("503 busy", 0.1, at=0.6))

    assert measured.rate_between(0, 1) == 1.0
    assert measured.rate_between(1, 3) == 0.5


@pytest.mark.parametrize(
    ("kinds", "by_kind", "status_only"),
    [
        ({}, "", "0"),
        ({"503 overloaded": 2, "503 circuit open": 3}, "3 × 503 circuit open, 2 × 503 overloaded", "5 × 503"),
        ({"connection lost": 1}, "1 × connection lost", "1 × connection lost"),
    ],
)
def test_failures_are_counted_by_kind_or_by_status(kinds: dict[str, int], by_kind: str, status_only: str) -> None:
    assert counted(kinds) == by_kind
    assert by_status(kinds) == status_only
