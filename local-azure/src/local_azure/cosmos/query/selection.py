"""A compiled query: FROM and JOIN bind rows, WHERE keeps some, SELECT makes results, the rest orders and cuts them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from local_azure.cosmos import errors
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.aggregates import AGGREGATES
from local_azure.cosmos.query.compiler import (
    ROOT_SLOT,
    Evaluate,
    ExpressionCompiler,
    Grouping,
    Scope,
    Slots,
    build_object,
)
from local_azure.cosmos.query.syntax import Expression
from local_azure.cosmos.query.values import UNDEFINED, identity, sort_key


class _Source(NamedTuple):
    evaluate: Evaluate
    slot: int
    iterate: bool


class Window(NamedTuple):
    """Which of the results are wanted: after the first `offset`, at most `most`."""

    offset: int
    most: int | None


class Selection:
    """One SELECT, top-level or inside another. `aliases` are the names that the outer query gives it.

    `root_names` are the aliases that stand for the whole item.
    """

    def __init__(self, query: syntax.Query, aliases: dict[str, int], slots: Slots, *, top_level: bool = False) -> None:
        self._aliases = dict(aliases)
        self._slots = slots
        self._sources: list[_Source] = []
        self.root_names: set[str] = set()
        for place, source in enumerate(query.sources):
            self._add_source(source, is_root=top_level and place == 0)
        rows = self._compiler()
        self.where = rows.compile(query.where) if query.where is not None else None
        self.grouping = Grouping(query.group_by) if query.group_by or _has_aggregate(query.items) else None
        self._group_keys = [rows.compile(expression) for expression in query.group_by]
        if query.group_by and query.order_by:
            raise errors.not_supported("ORDER BY together with GROUP BY")
        self.project = self._projection(query)
        self._order = [(rows.compile(item.expression), item.descending) for item in query.order_by]
        self._distinct = query.distinct
        self._counts = (query.top, query.offset, query.limit)
        self.streams = not (self._sources or self.grouping or query.distinct or len(query.order_by) > 1)

    def _compiler(self, grouping: Grouping | None = None) -> ExpressionCompiler:
        return ExpressionCompiler(self._aliases, self._slots, _compile_subquery, grouping)

    def _add_source(self, source: syntax.Source, *, is_root: bool) -> None:
        names = syntax.path_of(source.path)
        if is_root and names is not None:
            # Whatever FROM names first is the container, by any name.
            self._aliases = {names[0]: ROOT_SLOT}
            if len(names) == 1 and not source.iterate:
                self._aliases = {source.alias: ROOT_SLOT}
                self.root_names.add(source.alias)
                return
        evaluate = self._compiler().compile(source.path)
        if isinstance(source.path, syntax.Subquery):
            inner = _compile_subquery(source.path.query, self._aliases, self._slots)
            evaluate = lambda scope: list(inner.results(scope, (None,)))  # noqa: E731  # beside its compiled sibling
        slot = self._slots.take()
        if is_root:
            self._aliases = {}
        self._aliases[source.alias] = slot
        self._sources.append(_Source(evaluate, slot, source.iterate))

    def _projection(self, query: syntax.Query) -> Evaluate:
        compiler = self._compiler(self.grouping)
        if not query.items:
            if self.grouping:
                raise errors.query_error("'SELECT *' cannot be grouped.", 0, 0, "SC2102")
            return compiler.compile(syntax.Name(query.sources[0].alias, 0, 0))
        if query.value:
            return compiler.compile(query.items[0].expression)
        members: list[tuple[str, Evaluate]] = []
        unnamed = 0
        for item in query.items:
            unnamed += item.alias is None
            members.append((item.alias or f"${unnamed}", compiler.compile(item.expression)))
        return build_object(members)

    def window(self, scope: Scope) -> Window:
        """Raises bad_request when TOP, OFFSET or LIMIT is not a whole number."""
        top, offset, limit = (_count(expression, scope) for expression in self._counts)
        most = min((count for count in (top, limit) if count is not None), default=None)
        return Window(offset or 0, most)

    def results(self, scope: Scope, passes: Iterable[None]) -> Iterator[Any]:
        """All results. `passes` goes through the items, each of which it has put into the root slot."""
        rows = (None for _ in passes for _ in self._bind(scope, 0))
        results = self._grouped(scope, rows) if self.grouping else self._ordered(scope, rows)
        results = (value for value in results if value is not UNDEFINED)
        if self._distinct:
            results = _without_repetitions(results)
        window = self.window(scope)
        return islice(results, window.offset, None if window.most is None else window.offset + window.most)

    def counted(self, scope: Scope, count: int) -> Iterator[Any]:
        """The results where `only_counts` and the number of rows is known without looking at them."""
        scope.keys, scope.results = (), [count] * (len(self.grouping.aggregates) if self.grouping else 0)
        window = self.window(scope)
        return islice(
            (self.project(scope),), window.offset, None if window.most is None else window.offset + window.most
        )

    @property
    def only_counts(self) -> bool:
        """Whether nothing but the number of rows matters."""
        if self.grouping is None or self.grouping.expressions or self._sources or not self.grouping.aggregates:
            return False
        return all(call.counts_rows for call in self.grouping.aggregates)

    def _bind(self, scope: Scope, place: int) -> Iterator[None]:
        if place == len(self._sources):
            if self.where is None or self.where(scope) is True:
                yield
            return
        source = self._sources[place]
        value = source.evaluate(scope)
        if source.iterate:
            for element in value if type(value) is list else ():
                scope.values[source.slot] = element
                yield from self._bind(scope, place + 1)
        elif value is not UNDEFINED:
            scope.values[source.slot] = value
            yield from self._bind(scope, place + 1)

    def _ordered(self, scope: Scope, rows: Iterator[None]) -> Iterator[Any]:
        if not self._order:
            return (self.project(scope) for _ in rows)
        keyed = [([sort_key(evaluate(scope)) for evaluate, _ in self._order], self.project(scope)) for _ in rows]
        if len(self._order) == 1:
            # The index that serves one path has no entry for an item without it; a composite index has.
            undefined = sort_key(UNDEFINED)
            keyed = [(keys, value) for keys, value in keyed if keys[0] != undefined]
        for place in range(len(self._order) - 1, -1, -1):
            keyed.sort(key=lambda pair, place=place: pair[0][place], reverse=self._order[place][1])  # type: ignore[misc]  # mypy takes the default for a parameter of key
        return (value for _, value in keyed)

    def _grouped(self, scope: Scope, rows: Iterator[None]) -> Iterator[Any]:
        assert self.grouping is not None  # noqa: S101  # asked by `results`; tells the type checker
        fresh = self.grouping.aggregates
        groups: dict[Any, tuple[tuple[Any, ...], list[Any]]] = {}
        if not self._group_keys:
            groups[()] = ((), [call.create() for call in fresh])
        for _ in rows:
            keys = tuple(evaluate(scope) for evaluate in self._group_keys)
            name = tuple(identity(key) for key in keys)
            if name not in groups:
                groups[name] = (keys, [call.create() for call in fresh])
            for aggregate, call in zip(groups[name][1], fresh, strict=True):
                aggregate.add(call.evaluate(scope))
        return self._rendered(scope, list(groups.values()))

    def _rendered(self, scope: Scope, groups: list[tuple[tuple[Any, ...], list[Any]]]) -> Iterator[Any]:
        outer = scope.keys, scope.results
        for keys, aggregates in groups:
            scope.keys, scope.results = keys, [aggregate.result() for aggregate in aggregates]
            value = self.project(scope)
            scope.keys, scope.results = outer
            yield value


def _compile_subquery(query: syntax.Query, aliases: dict[str, int], slots: Slots) -> Selection:
    return Selection(query, aliases, slots)


def _without_repetitions(results: Iterator[Any]) -> Iterator[Any]:
    seen = set()
    for value in results:
        key = identity(value)
        if key not in seen:
            seen.add(key)
            yield value


def _count(expression: Expression | None, scope: Scope) -> int | None:
    match expression:
        case None:
            return None
        case syntax.Parameter(name):
            count = scope.parameters[name]
        case syntax.Literal(value):
            count = value
    if type(count) is not int or count < 0:
        raise errors.bad_request(f"TOP, OFFSET and LIMIT take whole numbers from 0, not {count!r}.")
    return count


def _has_aggregate(items: tuple[syntax.SelectItem, ...]) -> bool:
    return any(_contains_aggregate(item.expression) for item in items)


def _contains_aggregate(expression: Expression) -> bool:
    if isinstance(expression, syntax.Call) and expression.function in AGGREGATES:
        return True
    return any(_contains_aggregate(part) for part in syntax.parts_of(expression))
