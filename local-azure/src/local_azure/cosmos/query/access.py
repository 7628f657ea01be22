"""How the items of a query are read: by which index of SQLite, in which order, from which position.

Each step of a walk along an index looks at one item and ends, whether that matches or not: SQLite never looks for the
next match by itself. So a query can be interrupted after every item.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from local_azure.cosmos.query.planner import Condition
from local_azure.cosmos.store.change_feed import WHOLE, FeedRange
from local_azure.cosmos.store.partition_keys import PartitionKeyDefinition

_EFFECTIVE_KEY = "effective_key(partition_key, ?, ?)"  # see storage.py
_ALIVE = "(expires IS NULL OR expires > ?)"


class Statement(NamedTuple):
    text: str
    parameters: list[Any]


def in_range(conditions: list[Condition], feed_range: FeedRange, key: PartitionKeyDefinition) -> list[Condition]:
    """Restricted to a part of the container."""
    if feed_range.partition_key is not None:
        return [*conditions, Condition("partition_key", "=", "partition_key = ?", [feed_range.partition_key])]
    if feed_range == WHOLE:
        return conditions
    ends = [key.kind, key.version, feed_range.start, key.kind, key.version, feed_range.end]
    return [*conditions, Condition(None, "=", f"{_EFFECTIVE_KEY} >= ? AND {_EFFECTIVE_KEY} < ?", ends)]


class Walk(NamedTuple):
    """`order`: the columns that the walk follows, ending with a unique one.

    `index_name`: the end of its name; empty for the table itself. `bounds`: the conditions that the index serves.
    `tests`: those that each item on the way is tested with. `is_ordered`: whether it is the order of the query.
    """

    table: str
    index_name: str
    order: tuple[str, ...]
    bounds: list[Condition]
    tests: list[Condition]
    is_ordered: bool

    def items(self, column: str, now: float, after: list[Any] | None = None, *, descending: bool = False) -> Statement:
        """Selects `column`, or NULL for an item that does not match, and then the position.

        `after`: the position of the item before the first one.
        """
        tests = [*self.tests, Condition("expires", ">", _ALIVE, [now])]
        side = "<" if descending else ">"
        # The position is a narrower bound than any on the same side; with both, SQLite might start at the wider one.
        bounds = [
            bound
            for bound in self.bounds
            if after is None or bound.column != self.order[0] or bound.operator[0] != side
        ]
        bounds += self._beyond(side, after)
        order = ", ".join(f"{each} DESC" if descending else each for each in self.order)
        return Statement(
            f"SELECT CASE WHEN {_all_of(tests)} THEN {column} END, {self._position} FROM {self._table_or_index} "  # noqa: S608
            f"WHERE {_all_of(bounds)} ORDER BY {order}",
            _parameters(*tests, *bounds),
        )

    def for_counting(self) -> "Walk":
        """The same items by an index, which is smaller than the table."""
        return self if self.index_name else Walk(self.table, "by_id", ("id", "number"), [], [], is_ordered=False)

    def nth(self, after: list[Any] | None, count: int) -> Statement:
        """Selects the position that is `count` items further on, if there are that many."""
        bounds = [*self.bounds, *self._beyond(">", after)]
        return Statement(
            f"SELECT {self._position} FROM {self._table_or_index} WHERE {_all_of(bounds)} "  # noqa: S608
            f"ORDER BY {self._position} LIMIT 1 OFFSET ?",
            [*_parameters(*bounds), count - 1],
        )

    def remaining(self, after: list[Any] | None) -> Statement:
        """Counts the items after a position."""
        bounds = [*self.bounds, *self._beyond(">", after)]
        return Statement(
            f"SELECT count(*) FROM {self._table_or_index} WHERE {_all_of(bounds)}",  # noqa: S608
            _parameters(*bounds),
        )

    def expired(self, now: float) -> Statement:
        """Counts the items that have expired and are not deleted yet."""
        return Statement(
            f"SELECT count(*) FROM {self.table} INDEXED BY {self.table}_by_expiry "  # noqa: S608
            f"WHERE expires <= ? AND {_all_of(self.bounds)}",
            [now, *_parameters(*self.bounds)],
        )

    @property
    def _position(self) -> str:
        return ", ".join(self.order)

    @property
    def _table_or_index(self) -> str:
        """Without a choice for SQLite: the position of a walk belongs to its index."""
        return (
            f"{self.table} INDEXED BY {self.table}_{self.index_name}"
            if self.index_name
            else f"{self.table} NOT INDEXED"
        )

    def _beyond(self, side: str, position: list[Any] | None) -> list[Condition]:
        if position is None:
            return []
        marks = ", ".join("?" * len(position))
        return [Condition(None, side, f"({self._position}) {side} ({marks})", position)]


# All names in these statements are those of the store; values are parameters.


def choose(table: str, conditions: list[Condition], key_columns: Sequence[str], order: str | None) -> Walk:
    """`order`: the column that the items should be ordered by, if any."""
    by_id = order in (None, "id")
    index, is_ordered = "", order is None
    fixed: tuple[str, ...] = ()
    columns: tuple[str, ...] = ("number",)
    equal = {condition.column for condition in conditions if condition.operator == "="}
    ids_given = any(condition.column == "id" and condition.operator in {"=", "IN"} for condition in conditions)
    key = next((column for column in key_columns if column in equal), None)
    ranged = next((column for column in key_columns if any(each.column == column for each in conditions)), None)
    if "partition_key" in equal:
        index, fixed, columns, is_ordered = "by_key", ("partition_key",), ("id", "number"), by_id
    elif order is not None and order in key_columns:
        index, columns, is_ordered = f"by_{order}", (order, "id", "number"), True
    elif key and not ids_given:
        index, fixed, columns, is_ordered = f"by_{key}", (key,), ("id", "number"), by_id
    elif ids_given or order == "id":
        index, columns, is_ordered = "by_id", ("id", "number"), by_id
    elif ranged and order is None:
        index, columns = f"by_{ranged}", (ranged, "id", "number")
    bounds = [each for each in conditions if _is_bound(each, fixed, columns[0])]
    return Walk(table, index, columns, bounds, [each for each in conditions if each not in bounds], is_ordered)


def _is_bound(condition: Condition, fixed: tuple[str, ...], first: str) -> bool:
    """Whether an index serves it whose columns are `fixed`, each with a single value, and then `first`."""
    if condition.column == first:
        return condition.operator != "IN" or first == "id"
    return condition.column in fixed and condition.operator == "="


def _all_of(conditions: list[Condition]) -> str:
    return " AND ".join(f"({condition.sql})" for condition in conditions) or "1"


def _parameters(*conditions: Condition) -> list[Any]:
    return [value for condition in conditions for value in condition.parameters]
