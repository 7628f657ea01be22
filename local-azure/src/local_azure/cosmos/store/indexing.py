"""The indexing policy of a container: which paths it sorts by, and which of them get an index of SQLite.

Source: "Indexing policies in Azure Cosmos DB".
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from local_azure.cosmos import errors

type PropertyPath = tuple[str, ...]
"""Property names, from the item down."""

_STEP = re.compile(r"""/(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<plain>[^/"']+))""")
_VALUE, _SUBTREE, _ELEMENTS = "?", "*", "[]"
# "The system properties id and _ts are automatically indexed"; they have columns of their own.
_SYSTEM_PATHS = (("id",), ("_ts",))


class IndexedPath(NamedTuple):
    """A path that the policy names, and the column with its order key."""

    path: PropertyPath
    column: str


class _Pattern(NamedTuple):
    """`names` and then `?`, the value there, or `*`, everything below."""

    names: PropertyPath
    end: str

    @property
    def precision(self) -> tuple[int, bool]:
        """Deeper paths are more precise, and ? is more precise than *."""
        return len(self.names), self.end == _VALUE

    def covers(self, path: PropertyPath) -> bool:
        if self.end == _VALUE:
            return path == self.names
        return path[: len(self.names)] == self.names


class IndexingPolicy:
    """`indexed`: the paths with an index here: those that are included as `/path/?`."""

    def __init__(self, policy: dict[str, Any]) -> None:
        """Raises bad_request."""
        self._active = policy.get("indexingMode", "consistent").lower() == "consistent"
        self._included = [_pattern(part) for part in policy.get("includedPaths", [])]
        self._excluded = [_pattern(part) for part in policy.get("excludedPaths", [])]
        if self._active and not any(not pattern.names for pattern in (*self._included, *self._excluded)):
            raise errors.bad_request(
                'The special mandatory indexing path "/" is not provided in any of the path type sets. Please provide '
                "this path in one of the sets."
            )
        self._composites = [_composite(index) for index in policy.get("compositeIndexes", [])]
        paths = dict.fromkeys(self._named()) if self._active else {}
        self.indexed = tuple(IndexedPath(path, _column(path)) for path in paths)
        self._columns = dict(self.indexed)

    def column(self, path: PropertyPath) -> str | None:
        """The column with the order key of the path, if it has an index."""
        return self._columns.get(path)

    def keeps_undefined(self, path: PropertyPath) -> bool:
        """Whether ORDER BY the path returns items without it: "you must explicitly include this path in the index"."""
        return path in self._columns

    def check_order(self, order: list[tuple[PropertyPath, bool]]) -> None:
        """`order`: the paths of ORDER BY, each with whether it descends. Raises bad_request, as the service does."""
        if len(order) == 1 and not self._sorts_by(order[0][0]):
            raise errors.bad_request("The index path corresponding to the specified order-by item is excluded.")
        if len(order) < 2:
            return
        reverse = [(path, not descending) for path, descending in order]
        if not self._active or (order not in self._composites and reverse not in self._composites):
            raise errors.bad_request(
                "The order by query does not have a corresponding composite index that it can be served from."
            )

    def _sorts_by(self, path: PropertyPath) -> bool:
        if not self._active:
            return False
        if path in _SYSTEM_PATHS:
            return True
        included = [pattern.precision for pattern in self._included if pattern.covers(path)]
        excluded = [pattern.precision for pattern in self._excluded if pattern.covers(path)]
        return bool(included) and (not excluded or max(included) > max(excluded))

    def _named(self) -> Iterator[PropertyPath]:
        for pattern in self._included:
            is_value = pattern.end == _VALUE and _ELEMENTS not in pattern.names
            if is_value and pattern.names not in _SYSTEM_PATHS and self._sorts_by(pattern.names):
                yield pattern.names


def _pattern(part: Any) -> _Pattern:
    """Reads `{"path": "/a/?"}`. Raises bad_request."""
    steps = _steps(part)
    if steps is None or steps[-1] not in (_VALUE, _SUBTREE):
        raise errors.bad_request(
            f"The indexing path '{_path_in(part)}' could not be accepted. Please ensure that the path is a valid path: "
            "it ends in /? for a value or in /* for everything below, and labels with special characters are in quotes."
        )
    return _Pattern(tuple(steps[:-1]), steps[-1])


def _composite(index: Any) -> list[tuple[PropertyPath, bool]]:
    paths = [
        (tuple(_steps(part) or ()), part.get("order", "ascending") == "descending")
        for part in (index if isinstance(index, list) else [])
        if isinstance(part, dict)
    ]
    if len(paths) < 2 or not all(path and path[-1] not in (_VALUE, _SUBTREE) for path, _ in paths):
        raise errors.bad_request("A composite index is a list of two or more paths of the form /property.")
    return paths


def _path_in(part: Any) -> Any:
    return part.get("path") if isinstance(part, dict) else part


def _steps(part: Any) -> list[str] | None:
    """The names of a path; None if it is not a path."""
    path = _path_in(part)
    steps: list[str] = []
    position = 0
    while isinstance(path, str) and (match := _STEP.match(path, position)):
        steps.append(next(name for name in match.groups() if name is not None))
        position = match.end()
    return steps if steps and position == len(path) else None


def _column(path: PropertyPath) -> str:
    """A readable name, made unique by a hash. No text of a client gets into SQL."""
    readable = re.sub(r"[^A-Za-z0-9]", "", "".join(path))[:20]
    return f"key_{readable}_{sha256(repr(path).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
