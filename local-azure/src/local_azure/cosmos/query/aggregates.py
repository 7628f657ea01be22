"""COUNT, SUM, AVG, MIN and MAX. Undefined values do not take part."""

from collections.abc import Callable
from typing import Any, Protocol

from local_azure.cosmos.query.values import UNDEFINED, is_number, rank, sort_key

_FIRST_OF_COMPOSITES = 5


class Aggregate(Protocol):
    """Takes the values of one group, one by one."""

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
    """Undefined as soon as one value is not a number."""

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
        return int(average) if average.is_integer() and abs(average) < 2**53 else average


class Extreme:
    """The first or last value in the order of ORDER BY; undefined with an array or an object among them."""

    def __init__(self, *, last: bool) -> None:
        self._last = last
        self._value: Any = UNDEFINED
        self._key: tuple[Any, ...] = ()
        self._spoilt = False

    def add(self, value: Any) -> None:
        if value is UNDEFINED:
            return
        if rank(value) >= _FIRST_OF_COMPOSITES:
            self._spoilt = True
            return
        key = sort_key(value)
        if self._value is UNDEFINED or (key > self._key if self._last else key < self._key):
            self._value, self._key = value, key

    def result(self) -> Any:
        return UNDEFINED if self._spoilt else self._value


AGGREGATES: dict[str, Callable[[], Aggregate]] = {
    "AVG": Average,
    "COUNT": Count,
    "MAX": lambda: Extreme(last=True),
    "MIN": lambda: Extreme(last=False),
    "SUM": Sum,
}
