"""Makes one page of a query, slice by slice.

A page is what an index of SQLite yields in the order of the query; or, where no index has that order, the first of all
items that match; or the result of a pass over all of them. Memory does not follow the number of items, only that of
groups, of distinct results, and of joined results that are sorted.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

from local_azure.cosmos import json_text
from local_azure.cosmos.limits import COUNTED_AT_ONCE, MAX_RESPONSE_BYTES, MAX_SORTED, SCAN_BUDGET, SLICE_SECONDS
from local_azure.cosmos.query import access, continuations, syntax
from local_azure.cosmos.query.access import Statement, Walk
from local_azure.cosmos.query.first_ones import FirstOnes
from local_azure.cosmos.query.planner import Plan, Search
from local_azure.cosmos.query.scope import ROOT_SLOT, Scope
from local_azure.cosmos.query.selection import Collector, Selection
from local_azure.cosmos.query.values import UNDEFINED
from local_azure.cosmos.store import order_keys
from local_azure.cosmos.store.change_feed import FeedRange
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.indexing import PropertyPath
from local_azure.cosmos.store.storage import Snapshot

type Pages = Generator[None, None, QueryPage]
"""A page in the making: every step is a slice, after which others may have their turn; it returns the page."""

_ORDER_COLUMNS: dict[PropertyPath, str] = {("id",): "id", ("_ts",): "ts"}
_SORTED = "sorted"  # in a continuation, in the place of an index


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


class Compiled(NamedTuple):
    """`order`: the paths of ORDER BY, each with whether it descends. `whole`: results are whole items."""

    tree: syntax.Query
    selection: Selection
    slots: int
    plan: Plan
    order: list[tuple[PropertyPath, bool]]
    whole: bool


class Prepared(NamedTuple):
    """A query with its parameters."""

    compiled: Compiled
    scope: Scope
    search: Search


class Run:
    """One page of one query. Everything is read from one snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        container: Container,
        prepared: Prepared,
        now: float,
    ) -> None:
        self._snapshot = snapshot
        self._container = container
        self._table = container.statements.table
        self._compiled, self._scope, self._search = prepared
        self._now = now
        self._window = self._compiled.selection.window(self._scope)
        self._items_read = 0
        self._characters_read = 0
        self._slice_ends = perf_counter() + SLICE_SECONDS

    def page(self, call: QueryCall) -> Pages:
        compiled, search = self._compiled, self._search
        conditions = access.in_range(search.conditions, call.range, self._container.partition_key)
        columns = tuple(column for _, column in self._container.indexing.indexed)
        if not compiled.tree.sources:
            return self._paged(call, compiled.selection.results(self._scope, (None,)))
        if not compiled.selection.streams:
            walk = access.choose(self._table, conditions, columns, None)
            if compiled.selection.only_counts and search.exact:
                return self._paged(call, compiled.selection.counted(self._scope, (yield from self._count(walk))))
            return (yield from self._collected(call, walk))
        order = self._order_columns()
        walk = access.choose(self._table, conditions, columns, order[0] if len(order) == 1 else None)
        if not order or (len(order) == 1 and order[0] is not None and walk.is_ordered):
            return (yield from self._streamed(call, walk))
        return (yield from self._sorted(call, walk))

    def _order_columns(self) -> list[str | None]:
        indexing = self._container.indexing
        return [_ORDER_COLUMNS.get(path) or indexing.column(path) for path, _ in self._compiled.order]

    def _streamed(self, call: QueryCall, walk: Walk) -> Pages:
        """Continues after the last item of the previous page."""
        compiled, window = self._compiled, self._window
        descending = bool(compiled.order) and compiled.order[0][1]
        passed, position = continuations.read_position(call.continuation, walk.index_name, walk.order)
        results: list[str] = []
        size = 0
        rows = self._rows(walk.items("body", self._now, position, descending=descending))
        for body, *reached in rows:
            if window.end is not None and passed >= window.end:
                break
            if len(results) >= call.size or size >= MAX_RESPONSE_BYTES or self._items_read >= SCAN_BUDGET:
                rows.close()
                return self._page(results, continuations.write([passed, walk.index_name, *(position or ())]))
            if self._is_due():
                yield
                self._next_slice()
            position = reached
            text = self._result(body)
            if text is None:
                continue
            passed += 1
            if passed > window.offset and text:
                results.append(text)
                size += len(text)
        rows.close()
        return self._page(results, None)

    def _sorted(self, call: QueryCall, walk: Walk) -> Pages:
        """Looks at all items that match, and keeps the first ones after those of the previous page."""
        order, window = self._compiled.order, self._window
        passed, last = continuations.read_position(call.continuation, _SORTED, ("key_",) * len(order) + ("number",))
        skipped = max(window.offset - passed, 0)
        wanted = skipped + min(call.size, MAX_SORTED)
        if window.end is not None:
            wanted = min(wanted, window.end - passed)
        first = FirstOnes(wanted, [descending for _, descending in order], last)
        keeps_undefined = len(order) > 1 or self._container.indexing.keeps_undefined(order[0][0])
        for body, *reached in self._rows(walk.items("body", self._now)):
            if self._is_due():
                yield
                self._next_slice()
            if not self._matches(body):
                continue
            keys = [order_keys.of_path(self._scope.values[ROOT_SLOT], path) for path, _ in order]
            if keeps_undefined or keys[0] != order_keys.UNDEFINED:
                first.offer(keys, reached[-1])
        results: list[str] = []
        size = 0
        for place, (keys, number) in enumerate(first.sorted()):
            if size >= MAX_RESPONSE_BYTES:
                return self._page(results, continuations.write([passed + place, _SORTED, *(last or ())]))
            last = [*keys, number]
            if place < skipped:
                continue
            (body,) = self._snapshot.read(self._container.statements.body, (number,)).fetchone()
            self._scope.values[ROOT_SLOT] = json.loads(body)
            text = self._projected(body)
            results += [text] if text else []
            size += len(text)
        passed += len(first.sorted())
        if first.left_out and (window.end is None or passed < window.end):
            return self._page(results, continuations.write([passed, _SORTED, *(last or ())]))
        return self._page(results, None)

    def _collected(self, call: QueryCall, walk: Walk) -> Pages:
        """Computes all results, and skips those of the previous pages."""
        selection = self._compiled.selection
        if not (selection.order or selection.grouping or selection.distinct):
            return (yield from self._joined(call, walk))
        keeps_undefined = len(self._compiled.order) == 1 and self._container.indexing.keeps_undefined(
            self._compiled.order[0][0]
        )
        collector = Collector(selection, self._scope, keeps_undefined=keeps_undefined)
        for body, *_ in self._rows(walk.items("body", self._now)):
            if self._is_due():
                yield
                self._next_slice()
            if self._loaded(body):
                collector.add()
        defined = (value for value in collector.results() if value is not UNDEFINED)
        values: Iterator[Any] = islice(defined, self._window.offset, self._window.end)
        if selection.grouping and not self._compiled.tree.group_by and call.range.partition_key is None:
            # The SDKs merge aggregates of several partitions themselves, and turn undefined into null.
            values = iter(list(values) or [None])
        return self._paged(call, values)

    def _joined(self, call: QueryCall, walk: Walk) -> Pages:
        """Each item gives several results, none of which depends on another item."""
        selection, window = self._compiled.selection, self._window
        (emitted,) = continuations.read(call.continuation, 1) or [0]
        skipped, results, size = window.offset + emitted, list[str](), 0
        for body, *_ in self._rows(walk.items("body", self._now)):
            if self._is_due():
                yield
                self._next_slice()
            for _row in selection.bind(self._scope) if self._loaded(body) else ():
                value = selection.project(self._scope)
                if value is UNDEFINED:
                    continue
                if skipped:
                    skipped -= 1
                    continue
                count = emitted + len(results)
                if window.limit is not None and count >= window.limit:
                    return self._page(results, None)
                if len(results) >= call.size or size >= MAX_RESPONSE_BYTES:
                    return self._page(results, continuations.write([count]))
                results.append(json_text.encode(value))
                size += len(results[-1])
        return self._page(results, None)

    def _count(self, walk: Walk) -> Generator[None, None, int]:
        """Counts by the index alone, if all conditions are bounds of one."""
        count = 0
        if walk.tests:
            for matching, *_ in self._rows(walk.items("1", self._now)):
                count += matching is not None
                if self._is_due():
                    yield
                    self._next_slice()
            return count
        walk, position = walk.for_counting(), None
        while found := self._rows(walk.nth(position, COUNTED_AT_ONCE)).fetchone():
            count, position = count + COUNTED_AT_ONCE, list(found)
            if self._is_due():
                yield
                self._next_slice()
        for sign, statement in (
            (1, walk.remaining(position)),
            (-1, walk.expired(self._now)),
        ):
            count += sign * self._rows(statement).fetchone()[0]
        return count

    def _paged(self, call: QueryCall, values: Iterator[Any]) -> QueryPage:
        (emitted,) = continuations.read(call.continuation, 1) or [0]
        results: list[str] = []
        size = 0
        for value in islice(values, emitted, None):
            if len(results) >= call.size or size >= MAX_RESPONSE_BYTES:
                return self._page(results, continuations.write([emitted + len(results)]))
            results.append(json_text.encode(value))
            size += len(results[-1])
        return self._page(results, None)

    def _page(self, results: list[str], continuation: str | None) -> QueryPage:
        return QueryPage(results, continuation, self._items_read, self._characters_read)

    def _rows(self, statement: Statement) -> sqlite3.Cursor:
        return self._snapshot.read(*statement)

    def _is_due(self) -> bool:
        return perf_counter() > self._slice_ends

    def _next_slice(self) -> None:
        self._slice_ends = perf_counter() + SLICE_SECONDS

    def _loaded(self, body: str | None) -> bool:
        """Puts an item that may match into the root slot."""
        self._items_read += 1
        if body is None:
            return False
        self._characters_read += len(body)
        self._scope.values[ROOT_SLOT] = json.loads(body)
        return True

    def _matches(self, body: str | None) -> bool:
        where = self._compiled.selection.where
        return self._loaded(body) and (self._search.exact or where is None or where(self._scope) is True)

    def _result(self, body: str | None) -> str | None:
        """The JSON text of the result; empty if it is undefined, None if the item does not match."""
        if self._search.exact and self._compiled.whole:
            self._items_read += 1
            self._characters_read += len(body or "")
            return body
        if not self._matches(body) or body is None:
            return None
        return self._projected(body)

    def _projected(self, body: str) -> str:
        if self._compiled.whole:
            return body
        value = self._compiled.selection.project(self._scope)
        return "" if value is UNDEFINED else json_text.encode(value)
