"""What a compiled query is evaluated against."""

from collections.abc import Callable, Iterator
from typing import Any

from local_azure.cosmos.query.values import UNDEFINED

ROOT_SLOT = 0
"""The slot of the item that is being looked at."""


class Scope:
    """The values of the aliases by slot, the query's parameters, and its time, in seconds since 1970.

    `keys` and `results` are the GROUP BY values and the aggregates of the group that is being projected.
    """

    __slots__ = ("keys", "now", "parameters", "results", "values")

    def __init__(self, parameters: dict[str, Any], slots: int, now: float) -> None:
        self.now = now
        self.parameters = parameters
        self.values: list[Any] = [UNDEFINED] * slots
        self.keys: tuple[Any, ...] = ()
        self.results: list[Any] = []


type Evaluate = Callable[[Scope], Any]
"""A compiled expression."""

type Results = Callable[[Scope], Iterator[Any]]
"""A compiled subquery."""


class Slots:
    """Numbers the aliases of a query and of its subqueries."""

    def __init__(self) -> None:
        self.count = ROOT_SLOT + 1

    def take(self) -> int:
        self.count += 1
        return self.count - 1
