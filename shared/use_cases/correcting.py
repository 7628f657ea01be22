"""Correcting a customer: like cancelling, it needs neither kakao nor Service Bus, and nobody is messaged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.callers import Permission, everything
from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, CustomerId, NewId
from shared.use_cases.cancelling import CONTENTION_RETRY_AFTER_SECONDS, Precondition, StoredCustomer, any_version

# An attempt fails only if another correction succeeds between its read and its write, some milliseconds apart.
ATTEMPTS: Final = 5

type Correction = Callable[[CustomerDetails], CustomerDetails]
"""The details as they should be, made of those that are stored."""


class CorrectedCustomers(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredCustomer | None:
        """Raises StoreUnavailable."""

    async def replace(self, stored: StoredCustomer, customer: Customer, event: CustomerEvent) -> None:
        """Stores the customer and the event, both or neither; storing the same event again succeeds.

        Raises NotFound if the customer was cancelled, PreconditionFailed if it has changed since it was read,
        StoreUnavailable.
        """


@dataclass(frozen=True)
class CorrectCustomer:
    """A correction that loses a race is made again of what is stored then, if its precondition still holds."""

    customers: CorrectedCustomers
    clock: Clock
    new_id: NewId

    async def __call__(
        self,
        customer_id: CustomerId,
        correction: Correction,
        precondition: Precondition = any_version,
        may: Permission = everything,
    ) -> Customer:
        """The corrected customer. What changes nothing stores nothing, and is not announced.

        What somebody may not correct does not exist for them.
        Raises NotFound, PreconditionFailed (it does not hold for the version), StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            stored = await self.customers.find(customer_id)
            if stored is None or not may(stored.customer.owner):
                raise NotFound("There is no customer with this id.")
            if not precondition(stored.customer.version):
                raise PreconditionFailed("The customer has changed: read it again.")
            corrected = stored.customer.corrected(correction(stored.customer), self.clock())
            if corrected is stored.customer:
                return corrected
            try:
                await self.customers.replace(stored, corrected, CustomerEvent.updated(self.new_id(), corrected))
            except PreconditionFailed:
                continue  # it changed between reading and replacing
            return corrected
        raise StoreUnavailable("The customer is being changed by many requests.", CONTENTION_RETRY_AFTER_SECONDS)
