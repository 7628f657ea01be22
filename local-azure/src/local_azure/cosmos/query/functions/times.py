"""Date and time functions. Texts are UTC, `2026-01-31T12:34:56.1234567Z`; ticks are 100 ns since year 1."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from local_azure.cosmos.query.functions.signatures import Function, of_values, whole_number
from local_azure.cosmos.query.values import is_number

_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z?)?$")
_EPOCH_TICKS = 621_355_968_000_000_000
_TICKS_PER_SECOND = 10_000_000
_FIXED_PARTS = {
    "day": 86_400 * _TICKS_PER_SECOND,
    "hour": 3_600 * _TICKS_PER_SECOND,
    "minute": 60 * _TICKS_PER_SECOND,
    "second": _TICKS_PER_SECOND,
    "millisecond": 10_000,
    "microsecond": 10,
    "nanosecond": 0.01,
}
_PART_NAMES = {
    **dict.fromkeys(("year", "yyyy", "yy"), "year"),
    **dict.fromkeys(("month", "mm", "m"), "month"),
    **dict.fromkeys(("day", "dd", "d"), "day"),
    **dict.fromkeys(("hour", "hh"), "hour"),
    **dict.fromkeys(("minute", "mi", "n"), "minute"),
    **dict.fromkeys(("second", "ss", "s"), "second"),
    **dict.fromkeys(("millisecond", "ms"), "millisecond"),
    **dict.fromkeys(("microsecond", "mcs"), "microsecond"),
    **dict.fromkeys(("nanosecond", "ns"), "nanosecond"),
}


def _ticks_at(seconds: float) -> int:
    return _EPOCH_TICKS + int(seconds * _TICKS_PER_SECOND)


def _ticks(text: Any) -> int:
    """Raises ValueError if it is not a date and time in this format."""
    match = _TEXT.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(text)
    day, clock, fraction = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}+00:00")
    seconds = (moment - datetime(1, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return seconds * _TICKS_PER_SECOND + int((fraction or "0").ljust(7, "0"))


def _text(ticks: int) -> str:
    seconds, fraction = divmod(ticks, _TICKS_PER_SECOND)
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment.strftime('%Y').zfill(4)}{moment.strftime('-%m-%dT%H:%M:%S')}.{fraction:07d}Z"


def _part_name(part: Any) -> str:
    name = _PART_NAMES.get(part.lower()) if isinstance(part, str) else None
    if name is None:
        raise ValueError(part)
    return name


def _moment(ticks: int) -> datetime:
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)


def _add(part: Any, amount: Any, text: Any) -> str:
    name, ticks, count = _part_name(part), _ticks(text), whole_number(amount)
    if name in _FIXED_PARTS:
        return _text(ticks + int(_FIXED_PARTS[name] * count))
    moment = _moment(ticks)
    months = moment.year * 12 + moment.month - 1 + count * (12 if name == "year" else 1)
    year, month = divmod(months, 12)
    last = (datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
    changed = moment.replace(year=year, month=month + 1, day=min(moment.day, last))
    return _text(
        _ticks(changed.strftime("%Y").zfill(4) + changed.strftime("-%m-%dT%H:%M:%SZ")) + ticks % _TICKS_PER_SECOND
    )


def _difference(part: Any, start: Any, end: Any) -> int:
    """The number of boundaries of `part` between the two."""
    name, first, last = _part_name(part), _ticks(start), _ticks(end)
    if name in _FIXED_PARTS:
        size = _FIXED_PARTS[name]
        return int(last // size - first // size)
    one, other = _moment(first), _moment(last)
    years = other.year - one.year
    return years if name == "year" else years * 12 + other.month - one.month


def _part(part: Any, text: Any) -> int:
    name, ticks = _part_name(part), _ticks(text)
    fraction = ticks % _TICKS_PER_SECOND
    if name == "nanosecond":
        return fraction * 100
    if name == "microsecond":
        return fraction // 10
    if name == "millisecond":
        return fraction // 10_000
    return int(getattr(_moment(ticks), name))


def _from_timestamp(milliseconds: Any) -> str:
    if not is_number(milliseconds):
        raise ValueError(milliseconds)
    return _text(_EPOCH_TICKS + int(milliseconds * 10_000))


def _from_ticks(ticks: Any) -> str:
    if not is_number(ticks):
        raise ValueError(ticks)
    return _text(int(ticks))


FUNCTIONS: dict[str, Function] = {
    "DATETIMEADD": of_values(_add, 3),
    "DATETIMEDIFF": of_values(_difference, 3),
    "DATETIMEPART": of_values(_part, 2),
    "DATETIMETOTICKS": of_values(_ticks, 1),
    "DATETIMETOTIMESTAMP": of_values(lambda text: (_ticks(text) - _EPOCH_TICKS) // 10_000, 1),
    "GETCURRENTDATETIME": Function(lambda now: _text(_ticks_at(now)), 0, 0, of_now=True),
    "GETCURRENTTICKS": Function(_ticks_at, 0, 0, of_now=True),
    "GETCURRENTTIMESTAMP": Function(lambda now: int(now * 1000), 0, 0, of_now=True),
    "TICKSTODATETIME": of_values(_from_ticks, 1),
    "TIMESTAMPTODATETIME": of_values(_from_timestamp, 1),
}
