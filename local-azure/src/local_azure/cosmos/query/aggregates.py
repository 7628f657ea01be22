"""COUNT, SUM, AVG, MIN and MAX. They ignore undefined values."""

from collections.abc import Callable
from typing import Any, Protocol

from local_azure.cosmos.limits import MAX_EXACT_INTEGER
from local_azure.cosmos.query.values import UNDEFINED, is_composite, is_number, sort_key


class Aggregate(Protocol):
    """Receives the values of one group one by one."""

    def add(self, value: Any) -> None: ...

    def result(self) -> Any: ...


class Count:
    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Any) -> None:
        if value is not UNDEFINED:
            self.count += 1

    def result(self) -> Any:
        return self.count


class Sum:
    """Undefined if any value is not a number."""

    def __init__(self) -> None:
        self._sum: Any = 0

    def add(self, value: Any) -> None:
        if value is not UNDEFINED:
            self._sum = self._sum + value if is_number(value) and self._sum is not UNDEFINED else UNDEFINED

    def result(self) -> Any:
        return self._sum


class Average(Sum):
    """Undefined without values."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def add(self, value: Any) -> None:
        super().add(value)
        self._count += value is not UNDEFINED

    def result(self) -> Any:
        if not self._count or self._sum is UNDEFINED:
            return UNDEFINED
        average = self._sum / self._count
        return int(average) if average.is_integer() and abs(average) < MAX_EXACT_INTEGER else average


class Extreme:
    """The first or last value in the order of ORDER BY; undefined if any value is an array or an object."""

    def __init__(self, *, last: bool) -> None:
        self._last = last
        self._value: Any = UNDEFINED
        self._key: tuple[Any, ...] = ()
        self._has_composite = False

    def add(self, value: Any) -> None:
        if value is UNDEFINED:
            return
        if is_composite(value):
            self._has_composite = True
            return
        key = sort_key(value)
        if self._value is UNDEFINED or (key > self._key if self._last else key < self._key):
            self._value, self._key = value, key

    def result(self) -> Any:
        return UNDEFINED if self._has_composite else self._value


AGGREGATES: dict[str, Callable[[], Aggregate]] = {
    "AVG": Average,
    "COUNT": Count,
    "MAX": lambda: Extreme(last=True),
    "MIN": lambda: Extreme(last=False),
    "SUM": Sum,
}
