"""NCrontab expressions (https://github.com/atifaziz/NCrontab): `second minute hour day month day-of-week`.

With five fields, the seconds are 0. Unlike in cron, both day and day-of-week must match.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SEARCHED_YEARS = 30  # the 29th of February falls on the same weekday every 28 years


class InvalidSchedule(ValueError):
    """The expression is malformed or never due. The message says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    minimum: int
    maximum: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 6, DAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer is due. Times are in the time zone of the arguments."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def after(self, moment: datetime) -> datetime:
        """The first due time after `moment`. Raises InvalidSchedule if there is none."""
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        day = start.replace(hour=0, minute=0, second=0)
        earliest = (start.hour, start.minute, start.second)
        for _ in range(SEARCHED_YEARS * 366):
            if self._falls_on(day):
                time = self._first_time(earliest)
                if time is not None:
                    return day.replace(hour=time[0], minute=time[1], second=time[2])
            day += timedelta(days=1)
            earliest = (0, 0, 0)
        raise InvalidSchedule("the schedule is never due")

    def _falls_on(self, day: datetime) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _first_time(self, earliest: tuple[int, int, int]) -> tuple[int, int, int] | None:
        for hour in self.hours:
            for minute in self.minutes:
                if (hour, minute, 59) < earliest:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= earliest:
                        return hour, minute, second
        return None

    def shortest_interval(self) -> float:
        """The shortest interval between due times in seconds, at most 60."""
        if len(self.seconds) == 1:
            return 60.0
        wrapped = (*self.seconds, self.seconds[0] + 60)
        return float(min(later - earlier for earlier, later in pairwise(wrapped)))


def parse_schedule(expression: str) -> Schedule:
    """Raises InvalidSchedule."""
    texts = expression.split()
    if len(texts) == len(_FIELDS) - 1:
        texts = ["0", *texts]
    if len(texts) != len(_FIELDS):
        raise InvalidSchedule(f"{expression!r} has {len(texts)} fields instead of six (or five, without seconds)")
    values = [_values(field, text) for field, text in zip(_FIELDS, texts, strict=True)]
    sets = [frozenset(each) for each in values]
    return Schedule(
        seconds=tuple(values[0]),
        minutes=tuple(values[1]),
        hours=tuple(values[2]),
        days=sets[3],
        months=sets[4],
        weekdays=sets[5],
    )


def _values(field: _Field, text: str) -> Sequence[int]:
    """The values of a field, in order."""
    found: set[int] = set()
    for part in text.split(","):
        found.update(_part(field, part))
    return sorted(found)


def _part(field: _Field, part: str) -> range:
    values, slash, step_text = part.partition("/")
    if slash and not (step_text.isdigit() and int(step_text) > 0):
        raise InvalidSchedule(f"{field.name}: {part!r}: the step must be a number above 0")
    step = int(step_text) if slash else 1
    if values == "*":
        return range(field.minimum, field.maximum + 1, step)
    first_text, dash, last_text = values.partition("-")
    first = _value(field, first_text)
    last = _value(field, last_text) if dash else field.maximum if slash else first
    if last < first:
        raise InvalidSchedule(f"{field.name}: {part!r} ends before it starts")
    return range(first, last + 1, step)


def _value(field: _Field, text: str) -> int:
    names: Mapping[str, int] = {name: number for number, name in enumerate(field.names, start=field.minimum)}
    number = names.get(text[:3].lower()) if field.names and not text.isdigit() else None
    if number is None:
        number = int(text) if text.isdigit() else -1
    if not field.minimum <= number <= field.maximum:
        raise InvalidSchedule(f"{field.name}: {text!r} is not one of {field.minimum}-{field.maximum}")
    return number
