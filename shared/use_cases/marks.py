"""Marks: how far a timer that looks through stored documents has come."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Mark:
    """Up to and including `position`; empty: nothing yet. `etag`: of the stored mark, None if there is none."""

    position: str = ""
    etag: str | None = None


class Marks(Protocol):
    """The mark of one timer."""

    async def read(self) -> Mark:
        """Raises StoreUnavailable."""

    async def move(self, mark: Mark, position: str) -> Mark:
        """Stores it. Raises PreconditionFailed if it has changed since it was read, StoreUnavailable."""
