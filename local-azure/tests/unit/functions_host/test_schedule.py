"""Schedules of timers."""

from datetime import UTC, datetime

import pytest

from local_azure.functions_host.triggers.timer.schedule import InvalidSchedule, parse_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "moment", "due"),
    [
        ("*/5 * * * * *", "2025-01-31T10:00:00.5", "2025-01-31T10:00:05"),
        ("*/5 * * * * *", "2025-01-31T10:00:05", "2025-01-31T10:00:10"),
        ("0 */10 * * * *", "2025-01-31T23:55:00", "2025-02-01T00:00:00"),
        ("0 30 9 * * 1-5", "2025-01-31T09:30:00", "2025-02-03T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2025-01-31T09:30:00", "2025-02-03T09:30:00"),
        ("0 0 0 29 2 *", "2025-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 1 jan *", "2025-01-01T00:00:00", "2026-01-01T00:00:00"),
        ("0 5,10-12/2 * * * *", "2025-01-01T00:05:00", "2025-01-01T00:10:00"),
        ("0 5,10-12/2 * * * *", "2025-01-01T00:10:00", "2025-01-01T00:12:00"),
        ("30/20 * * * * *", "2025-01-01T00:00:30", "2025-01-01T00:00:50"),
        ("30/20 * * * * *", "2025-01-01T00:00:50", "2025-01-01T00:01:30"),
        ("0 0 12 13 * 5", "2025-01-01T00:00:00", "2025-06-13T12:00:00"),
        ("0 12 * * *", "2025-01-01T12:00:00", "2025-01-02T12:00:00"),
    ],
)
def test_the_next_due_time_follows_the_expression(expression: str, moment: str, due: str) -> None:
    assert parse_schedule(expression).after(at(moment)) == at(due)


@pytest.mark.parametrize(
    "expression", ["", "* * *", "60 * * * * *", "* * * * * 7", "*/0 * * * * *", "5-1 * * * * *", "x * * * * *"]
)
def test_a_malformed_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_schedule(expression)


def test_a_schedule_that_is_never_due_is_refused() -> None:
    with pytest.raises(InvalidSchedule, match="never due"):
        parse_schedule("0 0 0 31 2 *").after(at("2025-01-01T00:00:00"))


@pytest.mark.parametrize(("expression", "seconds"), [("*/5 * * * * *", 5), ("0,50 * * * * *", 10), ("0 * * * * *", 60)])
def test_the_shortest_interval_is_found(expression: str, seconds: float) -> None:
    assert parse_schedule(expression).shortest_interval() == seconds
