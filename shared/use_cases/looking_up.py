"""Looking up: one resource by its id, or a page of them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.callers import Permission, everything
from shared.domain.customer import Customer
from shared.domain.errors import NotFound
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Registration
from shared.use_cases.registrations import PostponedRegistrations

type Position = str
"""Where a page ends: its last item's value of the property by which the list is sorted."""


@dataclass(frozen=True)
class Page[Item]:
    """Some items of a list, newest first. `next_position` is None on the last page."""

    items: Sequence[Item]
    next_position: Position | None


class ReadItem[Id, Item](Protocol):
    async def get(self, resource_id: Id) -> Item | None:
        """Raises StoreUnavailable."""


class ReadStore[Id, Item](ReadItem[Id, Item], Protocol):
    """Where resources of one kind are stored."""

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """At most `size` items that come after the position. Raises StoreUnavailable."""


@dataclass(frozen=True)
class LookUp[Id, Item]:
    """Reads, and changes nothing."""

    store: ReadStore[Id, Item]

    async def one(self, resource_id: Id, may: Permission = everything) -> Item:
        """What somebody may not see does not exist for them. Raises NotFound, StoreUnavailable."""
        item = await self.store.get(resource_id)
        # What has no owner is seen by those only who may see everything.
        if item is None or not may(getattr(item, "owner", None)):
            raise NotFound("There is no resource with this id.")
        return item

    async def page(self, size: int, after: Position | None) -> Page[Item]:
        """Raises StoreUnavailable."""
        return await self.store.page(size, after)


@dataclass(frozen=True)
class LookUpRegistration:
    """Every customer is registered, also without a document that says so: it expires, or there never was one."""

    registrations: PostponedRegistrations
    customers: ReadItem[CustomerId, Customer]

    async def one(self, customer_id: CustomerId, may: Permission = everything) -> Registration:
        """What somebody may not see does not exist for them. Raises NotFound, StoreUnavailable."""
        registration = await self._find(customer_id)
        if registration is None or not may(registration.owner):
            raise NotFound("There is no registration with this id.")
        return registration

    async def _find(self, customer_id: CustomerId) -> Registration | None:
        if stored := await self.registrations.find(customer_id):
            return stored.registration
        customer = await self.customers.get(customer_id)
        return Registration.answered(customer) if customer else None
