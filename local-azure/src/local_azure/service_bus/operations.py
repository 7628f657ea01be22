"""How many operations each entity has seen: a namespace on Azure takes only so many in a second."""

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path


class Operation(StrEnum):
    """Each message counts, however many are sent or received together."""

    SENT = "sent"
    DELIVERED = "delivered"
    SETTLED = "settled"
    MANAGED = "managed"
    """A request to the `$management` node, such as renewing a lock."""


class Operations:
    """Since the start of this process."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Operation]] = Counter()
        self._has_changed = False

    def count(self, path: str, operation: Operation, number: int = 1) -> None:
        self._counts[path, operation] += number
        self._has_changed = True

    def by_entity(self) -> dict[str, dict[str, int]]:
        """The counts by the path of the entity, in lower case."""
        found: dict[str, dict[str, int]] = {}
        for (path, operation), number in sorted(self._counts.items()):
            found.setdefault(path.lower(), {})[operation.value] = number
        return found

    def write(self, file: Path) -> None:
        """Replaces the file, if anything was counted since. Raises OSError."""
        if self._has_changed:
            self._has_changed = False
            new = file.with_suffix(".new")
            new.write_text(json.dumps(self.by_entity()), encoding="utf-8")
            new.replace(file)
