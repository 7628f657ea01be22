"""Cancelling a registration: it needs neither kakao nor Service Bus, only the customer's own partition."""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.customer import Customer
from shared.domain.errors import NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, NewId, is_uuid

ATTEMPTS = 3


@dataclass(frozen=True)
class StoredCustomer:
    """A customer and the mark of the stored state it was read from."""

    customer: Customer
    etag: str


class Cancellations(Protocol):
    async def find(self, customer_id: str) -> StoredCustomer | None:
        """Raises StoreUnavailable."""

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        """Deletes the customer and stores the event, both or neither.

        Raises NotFound if somebody else was faster, PreconditionFailed if the customer has changed since it was
        read, StoreUnavailable.
        """


@dataclass(frozen=True)
class CancelRegistration:
    """Of two that cancel at once, one succeeds and the other finds nothing: the event exists exactly once."""

    cancellations: Cancellations
    clock: Clock
    new_id: NewId

    async def __call__(self, customer_id: str, expected_versions: frozenset[int] | None = None) -> None:
        """Cancels. Raises NotFound, PreconditionFailed (the version is none of the expected), StoreUnavailable."""
        for _ in range(ATTEMPTS):
            stored = await self.cancellations.find(customer_id) if is_uuid(customer_id) else None
            if stored is None:
                raise NotFound("There is no customer of this id.")
            if expected_versions is not None and stored.customer.version not in expected_versions:
                break
            event = CustomerEvent.canceled(self.new_id(), stored.customer, self.clock())
            try:
                await self.cancellations.remove(stored, event)
            except PreconditionFailed:
                continue  # the customer changed between reading and removing
            return
        raise PreconditionFailed("The customer has changed since: read it again.")
