"""Carries out queries: page by page from SQLite where the order allows it, from all results at once where not."""

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
    """A query as a client sends it, and the page of it that is wanted. `parameters` are named with their @."""

    text: str
    parameters: dict[str, Any]
    range: FeedRange
    size: int
    continuation: str | None
    across_partitions: bool


class QueryPage(NamedTuple):
    """`results` are JSON texts; `looked_at` counts the items that had to be read, `looked_at_size` their characters."""

    results: list[str]
    continuation: str | None
    looked_at: int
    looked_at_size: int


class _Compiled(NamedTuple):
    """`order_column` and `descending`: how SQLite goes through the items. `whole`: the results are the items."""

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
        raise errors.bad_request(f"The query uses the parameter {name}, which the request does not give.")


class QueryEngine:
    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock

    def run(self, container: Container, call: QueryCall) -> QueryPage:
        """Raises bad_request, and query_error where the query is not understood."""
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
            # Azure refuses it as soon as there is a second physical partition, and the Python SDK always does.
            raise errors.bad_request("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")
        run = _Run(self._storage, container, compiled, scope, search)
        run.narrow(call.range, self._clock())
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
        self._looked_at = 0
        self._looked_at_size = 0

    def narrow(self, feed_range: FeedRange, now: float) -> None:
        """To a part of the container, and to items that have not expired."""
        if feed_range.partition_key is not None:
            self._conditions.append("partition_key = ?")
            self._parameters.append(feed_range.partition_key)
        elif feed_range != WHOLE:
            self._conditions.append("effective_key >= ? AND effective_key < ?")
            self._parameters += [feed_range.start, feed_range.end]
        self._conditions.append(_ALIVE)
        self._parameters.append(now)

    def stream(self, call: QueryCall) -> QueryPage:
        """Goes on behind the item where the last page ended."""
        scope, compiled = self._scope, self._compiled
        window = compiled.selection.window(scope)
        end = window.end
        passed, place = self._continue(call.continuation)
        results: list[str] = []
        size = 0
        rows = self._rows()
        for number, item_id, ts, body in rows:
            if end is not None and passed >= end:
                break
            if len(results) >= call.size or size >= MAX_RESPONSE_BYTES or self._looked_at >= SCAN_BUDGET:
                rows.close()
                return self._page(results, [passed, *place])
            self._looked_at += 1
            self._looked_at_size += len(body)
            place = ({"id": item_id, "ts": ts, "number": number}[compiled.order_column], number)
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
        """Counts off the results of the pages before."""
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
            values = selection.results(scope, self._passes())
        if selection.grouping and not compiled.tree.group_by and call.range.partition_key is None:
            # The SDKs put aggregates of several partitions together themselves, and make null out of undefined.
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

    def _page(self, results: list[str], place: list[Any] | None) -> QueryPage:
        continuation = None if place is None else _continuation(place)
        return QueryPage(results, continuation, self._looked_at, self._looked_at_size)

    def _result(self, body: str) -> str | None:
        """The JSON text of the result; empty when it is undefined, None when the item is not one of those wanted."""
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

    def _passes(self) -> Iterator[None]:
        for _, _, _, body in self._rows():
            self._looked_at += 1
            self._looked_at_size += len(body)
            self._scope.values[ROOT_SLOT] = json.loads(body)
            yield

    def _continue(self, continuation: str | None) -> tuple[int, tuple[Any, int]]:
        """How many results came before, and the place of the last of them."""
        passed, *place = _continued(continuation, 3) or [0]
        if not place:
            return passed, (None, 0)
        column, sign = self._compiled.order_column, "<" if self._compiled.descending else ">"
        self._conditions.append(f"({column}, number) {sign} (?, ?)" if column != "number" else f"number {sign} ?")
        self._parameters += place if column != "number" else place[1:]
        return passed, (place[0], place[1])


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
    """Raises bad_request, as the service does, when several paths are to be ordered by and no index is for that."""
    if len(tree.order_by) < 2:
        return
    wanted = [("/" + "/".join((syntax.path_of(item.expression) or ())[1:]), item.descending) for item in tree.order_by]
    reverse = [(path, not descending) for path, descending in wanted]
    for index in container.definition["indexingPolicy"].get("compositeIndexes", []):
        served = [(part.get("path"), part.get("order", "ascending") == "descending") for part in index]
        if served in (wanted, reverse):
            return
    raise errors.bad_request(
        "The order by query does not have a corresponding composite index that it can be served from."
    )


def _continuation(values: list[Any]) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode("ascii")


def _continued(continuation: str | None, length: int) -> list[Any] | None:
    """Raises bad_request when it is not a continuation of such a query."""
    if continuation is None:
        return None
    try:
        values = json.loads(urlsafe_b64decode(continuation))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != length or type(values[0]) is not int:
        raise errors.bad_request(f"The continuation token {continuation!r} is not one of this query.")
    return values


def _too_complex() -> errors.CosmosError:
    return errors.bad_request("The query is nested too deeply.")


def select_from(text: str, parameters: dict[str, Any], resources: list[Any]) -> list[Any]:
    """Carries out a query over values in memory: databases and containers. Raises query_error."""
    compiled = _compiled(text, ())
    scope = Scope(_Parameters(parameters), compiled.slots)

    def passes() -> Iterator[None]:
        for resource in resources:
            scope.values[ROOT_SLOT] = resource
            yield

    return list(compiled.selection.results(scope, passes() if compiled.tree.sources else (None,)))
