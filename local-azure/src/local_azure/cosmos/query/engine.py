"""Runs queries, page by page: streaming from SQLite if the order allows it, otherwise by computing all results."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from local_azure.cosmos import errors, json_text
from local_azure.cosmos.limits import MAX_RESPONSE_BYTES, SCAN_BUDGET
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.compiler import compile_query
from local_azure.cosmos.query.parser import parse
from local_azure.cosmos.query.planner import Plan, PropertyPath, Search
from local_azure.cosmos.query.scope import ROOT_SLOT, Scope
from local_azure.cosmos.query.selection import Selection
from local_azure.cosmos.query.values import UNDEFINED
from local_azure.cosmos.store.change_feed import WHOLE, FeedRange
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.storage import Storage

_ORDER_COLUMNS: dict[PropertyPath, str] = {("id",): "id", ("_ts",): "ts"}
_ALIVE = "(expires IS NULL OR expires > ?)"


class QueryCall(NamedTuple):
    """A query, and the page to return. The names of `parameters` start with @."""

    text: str
    parameters: dict[str, Any]
    range: FeedRange
    size: int
    continuation: str | None
    across_partitions: bool


class QueryPage(NamedTuple):
    """`results`: JSON texts. `items_read`: the items the query had to read; `characters_read`: their length."""

    results: list[str]
    continuation: str | None
    items_read: int
    characters_read: int


class _Compiled(NamedTuple):
    """`order_column`, `descending`: the order in which SQLite reads items. `whole`: results are whole items."""

    tree: syntax.Query
    selection: Selection
    slots: int
    plan: Plan
    streams: bool
    order_column: str
    descending: bool
    whole: bool


class _Parameters(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise errors.bad_request(f"The query uses the parameter {name}, which the request does not contain.")


class QueryEngine:
    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock

    def run(self, container: Container, call: QueryCall) -> QueryPage:
        """Raises bad_request; query_error for an invalid query."""
        compiled = _compiled(call.text, container.partition_key.paths)
        _check_composite_index(container, compiled.tree)
        scope = Scope(_Parameters(call.parameters), compiled.slots)
        search = compiled.plan.search(scope)
        if not (call.across_partitions or search.one_key or call.range != WHOLE):
            raise errors.bad_request(
                "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
                "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
            )
        if compiled.selection.grouping and not (compiled.tree.value or call.range.partition_key is not None):
            # Azure refuses this when there are several physical partitions, and the Python SDK always does.
            raise errors.bad_request("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")
        narrowed = _narrowed(search, call.range, self._clock())
        run = _Run(self._storage, container, compiled, scope, narrowed)
        try:
            return run.stream(call) if compiled.streams else run.materialize(call)
        except RecursionError:
            raise _too_complex() from None


class _Run:
    """One page of one query."""

    def __init__(
        self, storage: Storage, container: Container, compiled: _Compiled, scope: Scope, search: Search
    ) -> None:
        self._storage = storage
        self._statements = container.statements
        self._compiled = compiled
        self._scope = scope
        self._exact = search.exact
        self._conditions = list(search.conditions)
        self._parameters = list(search.parameters)
        self._items_read = 0
        self._characters_read = 0

    def stream(self, call: QueryCall) -> QueryPage:
        """Continues after the last item of the previous page."""
        scope, compiled = self._scope, self._compiled
        window = compiled.selection.window(scope)
        passed, position = self._continue(call.continuation)
        results: list[str] = []
        size = 0
        rows = self._rows()
        for number, item_id, ts, body in rows:
            if window.end is not None and passed >= window.end:
                break
            if len(results) >= call.size or size >= MAX_RESPONSE_BYTES or self._items_read >= SCAN_BUDGET:
                rows.close()
                return self._page(results, [passed, *position])
            self._items_read += 1
            self._characters_read += len(body)
            position = ({"id": item_id, "ts": ts, "number": number}[compiled.order_column], number)
            text = self._result(body)
            if text is None:
                continue
            passed += 1
            if passed > window.offset and text:
                results.append(text)
                size += len(text)
        rows.close()
        return self._page(results, None)

    def materialize(self, call: QueryCall) -> QueryPage:
        """Computes all results, and skips those of the previous pages."""
        compiled, scope = self._compiled, self._scope
        selection = compiled.selection
        (emitted,) = _continued(call.continuation, 1) or [0]
        if not compiled.tree.sources:
            values = selection.results(scope, (None,))
        elif selection.only_counts and self._exact:
            statement = self._statements.count + " AND ".join(self._conditions)
            (count,) = self._storage.read(statement, self._parameters).fetchone()
            values = selection.counted(scope, count)
        else:
            values = selection.results(scope, self._items())
        if selection.grouping and not compiled.tree.group_by and call.range.partition_key is None:
            # The SDKs merge aggregates of several partitions themselves, and turn undefined into null.
            values = iter(list(values) or [None])
        results: list[str] = []
        size = 0
        for value in islice(values, emitted, None):
            if len(results) >= call.size or size >= MAX_RESPONSE_BYTES:
                return self._page(results, [emitted + len(results)])
            text = json_text.encode(value)
            results.append(text)
            size += len(text)
        return self._page(results, None)

    def _page(self, results: list[str], position: list[Any] | None) -> QueryPage:
        continuation = None if position is None else _continuation(position)
        return QueryPage(results, continuation, self._items_read, self._characters_read)

    def _result(self, body: str) -> str | None:
        """The JSON text of the result; empty if it is undefined, None if the item does not match."""
        compiled, scope = self._compiled, self._scope
        if not self._exact or not compiled.whole:
            scope.values[ROOT_SLOT] = json.loads(body)
            where = compiled.selection.where
            if not self._exact and where is not None and where(scope) is not True:
                return None
        if compiled.whole:
            return body
        value = compiled.selection.project(scope)
        return "" if value is UNDEFINED else json_text.encode(value)

    def _rows(self) -> Any:
        column = self._compiled.order_column
        direction = " DESC" if self._compiled.descending else ""
        order = f"number{direction}" if column == "number" else f"{column}{direction}, number{direction}"
        statement = f"{self._statements.select}{' AND '.join(self._conditions)} ORDER BY {order}"
        return self._storage.read(statement, self._parameters)

    def _items(self) -> Iterator[None]:
        for _, _, _, body in self._rows():
            self._items_read += 1
            self._characters_read += len(body)
            self._scope.values[ROOT_SLOT] = json.loads(body)
            yield

    def _continue(self, continuation: str | None) -> tuple[int, tuple[Any, int]]:
        """The number of results on previous pages, and the position of the last one."""
        passed, *position = _continued(continuation, 3) or [0]
        if not position:
            return passed, (None, 0)
        column, sign = self._compiled.order_column, "<" if self._compiled.descending else ">"
        self._conditions.append(f"({column}, number) {sign} (?, ?)" if column != "number" else f"number {sign} ?")
        self._parameters += position if column != "number" else position[1:]
        return passed, (position[0], position[1])


def _narrowed(search: Search, feed_range: FeedRange, now: float) -> Search:
    """Restricted to a part of the container, and to items that have not expired."""
    conditions, parameters = [*search.conditions], [*search.parameters]
    if feed_range.partition_key is not None:
        conditions.append("partition_key = ?")
        parameters.append(feed_range.partition_key)
    elif feed_range != WHOLE:
        conditions.append("effective_key >= ? AND effective_key < ?")
        parameters += [feed_range.start, feed_range.end]
    return search._replace(conditions=[*conditions, _ALIVE], parameters=[*parameters, now])


@lru_cache(maxsize=512)
def _compiled(text: str, key_paths: tuple[PropertyPath, ...]) -> _Compiled:
    """Raises query_error."""
    try:
        tree = parse(text)
        selection, root_names, slots = compile_query(tree)
        plan = Plan(tree.where, root_names, key_paths)
    except RecursionError:
        raise _too_complex() from None
    order_column, descending, ordered = "number", False, not tree.order_by
    if len(tree.order_by) == 1:
        path = syntax.path_of(tree.order_by[0].expression) or ()
        if path[:1] and path[0] in root_names and path[1:] in _ORDER_COLUMNS:
            order_column, descending, ordered = _ORDER_COLUMNS[path[1:]], tree.order_by[0].descending, True
    streams = selection.streams and ordered and bool(tree.sources)
    whole = not tree.items or (tree.value and syntax.path_of(tree.items[0].expression) in _alone(root_names))
    return _Compiled(tree, selection, slots, plan, streams, order_column, descending, whole)


def _alone(names: Iterable[str]) -> set[PropertyPath]:
    return {(name,) for name in names}


def _check_composite_index(container: Container, tree: syntax.Query) -> None:
    """Raises bad_request, like the service, for ORDER BY several paths without a composite index for them."""
    if len(tree.order_by) < 2:
        return
    requested = [
        ("/" + "/".join((syntax.path_of(item.expression) or ())[1:]), item.descending) for item in tree.order_by
    ]
    reverse = [(path, not descending) for path, descending in requested]
    for index in container.definition["indexingPolicy"].get("compositeIndexes", []):
        served = [(part.get("path"), part.get("order", "ascending") == "descending") for part in index]
        if served in (requested, reverse):
            return
    raise errors.bad_request(
        "The order by query does not have a corresponding composite index that it can be served from."
    )


def _continuation(values: list[Any]) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode("ascii")


def _continued(continuation: str | None, length: int) -> list[Any] | None:
    """Raises bad_request if it is not a continuation of such a query."""
    if continuation is None:
        return None
    try:
        values = json.loads(urlsafe_b64decode(continuation))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != length or type(values[0]) is not int:
        raise errors.bad_request(f"The continuation token {continuation!r} does not belong to this query.")
    return values


def _too_complex() -> errors.CosmosError:
    return errors.bad_request("The query is nested too deeply.")


def select_from(text: str, parameters: dict[str, Any], resources: list[Any]) -> list[Any]:
    """Runs a query over values in memory: databases or containers. Raises query_error."""
    compiled = _compiled(text, ())
    scope = Scope(_Parameters(parameters), compiled.slots)

    def items() -> Iterator[None]:
        for resource in resources:
            scope.values[ROOT_SLOT] = resource
            yield

    return list(compiled.selection.results(scope, items() if compiled.tree.sources else (None,)))
