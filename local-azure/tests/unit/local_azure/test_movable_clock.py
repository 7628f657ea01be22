from pathlib import Path

import pytest

from local_azure import steady_clock
from local_azure.configuration import ConfigurationError
from local_azure.movable_clock import (
    MOST_SECONDS_AHEAD,
    ClockFileError,
    MovableClock,
    duration_text,
    parse_duration,
    read_seconds_ahead,
    write_seconds_ahead,
)

DAY = 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5d", 5 * DAY), ("90s", 90), ("1h30m", 5_400), ("1d2h3m4s", DAY + 7_384), ("3650d", MOST_SECONDS_AHEAD)],
)
def test_a_duration_has_days_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-5d", "only moves forward"),
        ("0s", "above zero"),
        ("", "not a duration"),
        ("5", "as in 5d, 1h30m or 90s"),
        ("5 d", "not a duration"),
        ("5w", "not a duration"),
        ("1.5h", "not a duration"),
        ("1m1h", "not a duration"),
        ("٥d", "not a duration"),
        ("9999999999d", "not a duration"),
        ("999999999d", "by 3650d at most"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (5 * DAY, "5d"), (DAY + 90, "1d1m30s")])
def test_a_duration_is_shown_as_it_is_written(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_moved_clock_is_ahead_of_the_steady_one() -> None:
    clock = MovableClock()
    assert abs(clock.seconds() - steady_clock.seconds()) < 60

    clock.move(DAY)

    assert abs(clock.seconds() - steady_clock.seconds() - DAY) < 60
    assert abs(clock.milliseconds() - steady_clock.milliseconds() - DAY * 1000) < 60_000


def test_a_state_folder_remembers_how_far_the_clock_is_ahead(tmp_path: Path) -> None:
    before = read_seconds_ahead(tmp_path / "does not exist yet")
    write_seconds_ahead(tmp_path, DAY)

    assert (before, read_seconds_ahead(tmp_path)) == (0, DAY)
    assert [file.name for file in tmp_path.iterdir()] == ["clock.json"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "5", "{}", '{"secondsAhead": -1}', '{"secondsAhead": 1.5}', '{"secondsAhead": true}', "\xff"],
)
def test_an_invalid_file_is_named_with_the_fix(tmp_path: Path, content: str) -> None:
    (tmp_path / "clock.json").write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"clock\.json: .*delete it"):
        read_seconds_ahead(tmp_path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClockFileError, match=r"not moved: .*absent/clock\.json\.new: No such file"):
        write_seconds_ahead(tmp_path / "absent", DAY)
