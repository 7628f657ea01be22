"""Looking up: one resource by its id, or a page of them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.errors import NotFound

type Position = str
"""Where a page ends: its last item's value of the property by which the list is sorted."""


@dataclass(frozen=True)
class Page[Item]:
    """Some items of a list, newest first. `next_position` is None on the last page."""

    items: Sequence[Item]
    next_position: Position | None


class ReadStore[Id, Item](Protocol):
    """Where resources of one kind are stored."""

    async def get(self, resource_id: Id) -> Item | None:
        """Raises StoreUnavailable."""

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """At most `size` items that come after the position. Raises StoreUnavailable."""


@dataclass(frozen=True)
class LookUp[Id, Item]:
    """Reads, and changes nothing."""

    store: ReadStore[Id, Item]

    async def one(self, resource_id: Id) -> Item:
        """Raises NotFound, StoreUnavailable."""
        item = await self.store.get(resource_id)
        if item is None:
            raise NotFound("There is no resource with this id.")
        return item

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """Raises StoreUnavailable."""
        return await self.store.page(size, after)
