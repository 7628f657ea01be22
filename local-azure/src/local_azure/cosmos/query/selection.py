"""Runs a compiled SELECT: FROM and JOIN bind rows, WHERE filters, SELECT projects; then order, DISTINCT and window."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from local_azure.cosmos import errors
from local_azure.cosmos.query.aggregates import Aggregate
from local_azure.cosmos.query.scope import Evaluate, Scope
from local_azure.cosmos.query.values import UNDEFINED, identity, sort_key


class Source(NamedTuple):
    """Binds a slot: to the value of `evaluate`, or with `iterate` to each element of that array in turn."""

    evaluate: Evaluate
    slot: int
    iterate: bool


class AggregateCall(NamedTuple):
    """`create` makes the aggregate of a new group; `counts_rows`: it is COUNT of a constant, which needs no value."""

    create: Callable[[], Aggregate]
    evaluate: Evaluate
    counts_rows: bool


class Grouping(NamedTuple):
    """`keys`: the expressions of GROUP BY; without any, all rows are one group."""

    keys: tuple[Evaluate, ...]
    aggregates: tuple[AggregateCall, ...]


class Order(NamedTuple):
    evaluate: Evaluate
    descending: bool


class WindowExpressions(NamedTuple):
    """TOP, OFFSET and LIMIT; None where the query has none."""

    top: Evaluate | None
    offset: Evaluate | None
    limit: Evaluate | None


class Window(NamedTuple):
    """Which results are returned: those after the first `offset`, at most `limit` of them."""

    offset: int
    limit: int | None

    @property
    def end(self) -> int | None:
        return None if self.limit is None else self.offset + self.limit


@dataclass(frozen=True, slots=True)
class Selection:
    """One SELECT, top-level or inside another. `grouping` is None where rows are not grouped."""

    sources: tuple[Source, ...]
    where: Evaluate | None
    grouping: Grouping | None
    project: Evaluate
    order: tuple[Order, ...]
    distinct: bool
    window_expressions: WindowExpressions

    @property
    def streams(self) -> bool:
        """Whether each item gives at most one result, independently of the others."""
        return not (self.sources or self.grouping or self.distinct or len(self.order) > 1)

    @property
    def only_counts(self) -> bool:
        """Whether the result depends on the number of rows only."""
        if self.grouping is None or self.grouping.keys or self.sources or not self.grouping.aggregates:
            return False
        return all(call.counts_rows for call in self.grouping.aggregates)

    def window(self, scope: Scope) -> Window:
        """Raises bad_request when TOP, OFFSET or LIMIT is not a whole number."""
        top, offset, limit = (_count(expression, scope) for expression in self.window_expressions)
        return Window(offset or 0, min((count for count in (top, limit) if count is not None), default=None))

    def results(self, scope: Scope, items: Iterable[None]) -> Iterator[Any]:
        """All results. Before each step, `items` puts the next item into the root slot."""
        rows = (None for _ in items for _ in self._bind(scope, 0))
        results = self._grouped(scope, rows, self.grouping) if self.grouping else self._ordered(scope, rows)
        results = (value for value in results if value is not UNDEFINED)
        if self.distinct:
            results = _without_repetitions(results)
        window = self.window(scope)
        return islice(results, window.offset, window.end)

    def counted(self, scope: Scope, count: int) -> Iterator[Any]:
        """The results for `count` rows, where `only_counts`."""
        scope.keys, scope.results = (), [count] * (len(self.grouping.aggregates) if self.grouping else 0)
        window = self.window(scope)
        return islice((self.project(scope),), window.offset, window.end)

    def _bind(self, scope: Scope, place: int) -> Iterator[None]:
        if place == len(self.sources):
            if self.where is None or self.where(scope) is True:
                yield
            return
        source = self.sources[place]
        value = source.evaluate(scope)
        if source.iterate:
            for element in value if type(value) is list else ():
                scope.values[source.slot] = element
                yield from self._bind(scope, place + 1)
        elif value is not UNDEFINED:
            scope.values[source.slot] = value
            yield from self._bind(scope, place + 1)

    def _ordered(self, scope: Scope, rows: Iterator[None]) -> Iterator[Any]:
        if not self.order:
            return (self.project(scope) for _ in rows)
        keyed = [([sort_key(item.evaluate(scope)) for item in self.order], self.project(scope)) for _ in rows]
        if len(self.order) == 1:
            # The index for a single path has no entry for an item without that path; a composite index has.
            undefined = sort_key(UNDEFINED)
            keyed = [(keys, value) for keys, value in keyed if keys[0] != undefined]
        for place in range(len(self.order) - 1, -1, -1):
            keyed.sort(key=lambda pair, place=place: pair[0][place], reverse=self.order[place].descending)  # type: ignore[misc]  # mypy takes the default for a parameter of key
        return (value for _, value in keyed)

    def _grouped(self, scope: Scope, rows: Iterator[None], grouping: Grouping) -> Iterator[Any]:
        groups: dict[Any, tuple[tuple[Any, ...], list[Aggregate]]] = {}
        if not grouping.keys:
            groups[()] = ((), [call.create() for call in grouping.aggregates])
        for _ in rows:
            keys = tuple(evaluate(scope) for evaluate in grouping.keys)
            name = tuple(identity(key) for key in keys)
            if name not in groups:
                groups[name] = (keys, [call.create() for call in grouping.aggregates])
            for aggregate, call in zip(groups[name][1], grouping.aggregates, strict=True):
                aggregate.add(call.evaluate(scope))
        return self._projected(scope, list(groups.values()))

    def _projected(self, scope: Scope, groups: list[tuple[tuple[Any, ...], list[Aggregate]]]) -> Iterator[Any]:
        outer = scope.keys, scope.results
        for keys, aggregates in groups:
            scope.keys, scope.results = keys, [aggregate.result() for aggregate in aggregates]
            value = self.project(scope)
            scope.keys, scope.results = outer
            yield value


def _without_repetitions(results: Iterator[Any]) -> Iterator[Any]:
    seen = set()
    for value in results:
        key = identity(value)
        if key not in seen:
            seen.add(key)
            yield value


def _count(evaluate: Evaluate | None, scope: Scope) -> int | None:
    if evaluate is None:
        return None
    count = evaluate(scope)
    if type(count) is not int or count < 0:
        raise errors.bad_request(f"TOP, OFFSET and LIMIT take whole numbers, 0 or greater, not {count!r}.")
    return count
