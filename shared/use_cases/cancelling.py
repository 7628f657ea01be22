"""Cancelling a registration: it needs neither kakao nor Service Bus, only the customer's own partition."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.customer import Customer
from shared.domain.errors import NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, CustomerId, NewId

# A customer changes rarely. After two changes during one cancellation, the client may well try again itself.
ATTEMPTS: Final = 3


type Precondition = Callable[[int], bool]
"""Whether the customer may be changed in this version."""


def any_version(_: int) -> bool:
    """The precondition that always holds."""
    return True


@dataclass(frozen=True)
class StoredCustomer:
    """A customer and the etag of the stored document it was read from."""

    customer: Customer
    etag: str


class Cancellations(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredCustomer | None:
        """Raises StoreUnavailable."""

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        """Deletes the customer and stores the event, both or neither; storing the same event again succeeds.

        Raises NotFound if another request was faster, PreconditionFailed if the customer has changed since it was
        read, StoreUnavailable.
        """


@dataclass(frozen=True)
class CancelRegistration:
    """Of two cancellations at once, one succeeds and the other finds no customer: the event exists exactly once."""

    cancellations: Cancellations
    clock: Clock
    new_id: NewId
    count_cancellation: Callable[[], None]

    async def __call__(self, customer_id: CustomerId, precondition: Precondition = any_version) -> None:
        """Cancels. Raises NotFound, PreconditionFailed (it does not hold for the version), StoreUnavailable."""
        for _ in range(ATTEMPTS):
            stored = await self.cancellations.find(customer_id)
            if stored is None:
                raise NotFound("There is no customer with this id.")
            if not precondition(stored.customer.version):
                break
            event = CustomerEvent.canceled(self.new_id(), stored.customer, self.clock())
            try:
                await self.cancellations.remove(stored, event)
            except PreconditionFailed:
                continue  # the customer changed between reading and removing
            self.count_cancellation()
            return
        raise PreconditionFailed("The customer has changed: read it again.")
