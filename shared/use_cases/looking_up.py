"""Looking up: one resource by its id, or a page of them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.errors import NotFound

type Position = str
"""Where a page ends: the value by which the list is sorted, of its last item."""


@dataclass(frozen=True)
class Page[Item]:
    """Some items of a list, newest first. `next_position` is None on the last page."""

    items: Sequence[Item]
    next_position: Position | None


class Shelf[Item](Protocol):
    """Where the resources of one kind are found."""

    async def get(self, resource_id: str) -> Item | None:
        """Raises StoreUnavailable."""

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """At most `size` items that come after the position. Raises StoreUnavailable."""


@dataclass(frozen=True)
class LookUp[Item]:
    """Reads, and changes nothing."""

    shelf: Shelf[Item]

    async def one(self, resource_id: str) -> Item:
        """Raises NotFound, StoreUnavailable."""
        item = await self.shelf.get(resource_id)
        if item is None:
            raise NotFound("There is no resource of this id.")
        return item

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """Raises StoreUnavailable."""
        return await self.shelf.page(size, after)
