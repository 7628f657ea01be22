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
        return not (self.sources or self.grouping or self.distinct)

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
        if self.order or self.grouping or self.distinct:
            collector = Collector(self, scope)
            for _ in items:
                collector.add()
            results: Iterator[Any] = collector.results()
        else:
            results = (self.project(scope) for _ in items for _ in self.bind(scope))
        window = self.window(scope)
        return islice((value for value in results if value is not UNDEFINED), window.offset, window.end)

    def counted(self, scope: Scope, count: int) -> Iterator[Any]:
        """The results for `count` rows, where `only_counts`."""
        scope.keys, scope.results = (), [count] * (len(self.grouping.aggregates) if self.grouping else 0)
        window = self.window(scope)
        return islice((self.project(scope),), window.offset, window.end)

    def bind(self, scope: Scope, index: int = 0) -> Iterator[None]:
        """One step for each row of the item in the root slot."""
        if index == len(self.sources):
            if self.where is None or self.where(scope) is True:
                yield
            return
        source = self.sources[index]
        value = source.evaluate(scope)
        if source.iterate:
            for element in value if type(value) is list else ():
                scope.values[source.slot] = element
                yield from self.bind(scope, index + 1)
        elif value is not UNDEFINED:
            scope.values[source.slot] = value
            yield from self.bind(scope, index + 1)


class Collector:
    """Collects what has to be known of all items: groups, distinct results, or results to be sorted.

    `keeps_undefined`: whether ORDER BY a single path returns items without it.
    """

    def __init__(self, selection: Selection, scope: Scope, *, keeps_undefined: bool = False) -> None:
        self._selection = selection
        self._scope = scope
        # An index of every path has no entry for an item without that path; a composite index has.
        self._drops_undefined = len(selection.order) == 1 and not keeps_undefined
        self._groups: dict[Any, tuple[tuple[Any, ...], list[Aggregate]]] = {}
        if selection.grouping and not selection.grouping.keys:
            self._groups[()] = ((), [call.create() for call in selection.grouping.aggregates])
        self._keyed: list[tuple[list[tuple[Any, ...]], Any]] = []
        self._seen: set[Any] = set()

    def add(self) -> None:
        """The item in the root slot."""
        selection, scope = self._selection, self._scope
        for _ in selection.bind(scope):
            if selection.grouping:
                self._add_to_group(selection.grouping)
            else:
                self._add_result()

    def results(self) -> Iterator[Any]:
        if self._selection.grouping:
            results = self._projected()
            return _without_repetitions(results) if self._selection.distinct else results
        order = self._selection.order
        for index in range(len(order) - 1, -1, -1):
            self._keyed.sort(key=lambda pair, index=index: pair[0][index], reverse=order[index].descending)  # type: ignore[misc]  # mypy takes the default for a parameter of key
        results = (value for _, value in self._keyed)
        return _without_repetitions(results) if self._selection.distinct else results

    def _add_result(self) -> None:
        scope = self._scope
        keys = [sort_key(item.evaluate(scope)) for item in self._selection.order]
        if self._drops_undefined and keys[0] == _UNDEFINED_KEY:
            return
        value = self._selection.project(scope)
        if self._selection.distinct:
            # Results that differ in their place only are needed once.
            name = (identity(value), *keys)
            if name in self._seen:
                return
            self._seen.add(name)
        self._keyed.append((keys, value))

    def _add_to_group(self, grouping: Grouping) -> None:
        scope = self._scope
        keys = tuple(evaluate(scope) for evaluate in grouping.keys)
        name = tuple(identity(key) for key in keys)
        if name not in self._groups:
            self._groups[name] = (keys, [call.create() for call in grouping.aggregates])
        for aggregate, call in zip(self._groups[name][1], grouping.aggregates, strict=True):
            aggregate.add(call.evaluate(scope))

    def _projected(self) -> Iterator[Any]:
        scope = self._scope
        outer = scope.keys, scope.results
        for keys, aggregates in list(self._groups.values()):
            scope.keys, scope.results = keys, [aggregate.result() for aggregate in aggregates]
            value = self._selection.project(scope)
            scope.keys, scope.results = outer
            yield value


_UNDEFINED_KEY = sort_key(UNDEFINED)


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
