"""Cancelling a registration: it needs neither kakao nor Service Bus, only the customer's own partition."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.callers import Permission, everything
from shared.domain.customer import Customer
from shared.domain.errors import NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, CustomerId, NewId
from shared.domain.registration import RegistrationStatus
from shared.use_cases.registrations import StoredRegistration

# What does not exist yet has no version: only a request that names none may cancel it.
NO_VERSION: Final = 0
# An attempt fails only if the customer changes between its read and its write, some milliseconds apart.
ATTEMPTS: Final = 5
# Contention ends as soon as the other requests are done.
CONTENTION_RETRY_AFTER_SECONDS: Final = 1

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
        """Deletes the customer, and stores the event and its `Cancellation`, all or nothing.

        Storing the same event again succeeds.
        Raises NotFound if another request was faster, PreconditionFailed if the customer has changed since it was
        read, StoreUnavailable.
        """


class Withdrawals(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""

    async def withdraw(self, stored: StoredRegistration) -> None:
        """Withdraws a pending one. Raises PreconditionFailed if it has changed since it was read, StoreUnavailable."""


@dataclass(frozen=True)
class CancelRegistration:
    """Of two cancellations at once, one succeeds and the other finds no customer: the event exists exactly once.

    A registration that is pending has no customer yet, and is withdrawn.
    """

    cancellations: Cancellations
    withdrawals: Withdrawals
    clock: Clock
    new_id: NewId
    count_cancellation: Callable[[], None]

    async def __call__(
        self, customer_id: CustomerId, precondition: Precondition = any_version, may: Permission = everything
    ) -> None:
        """Cancels. What somebody may not cancel does not exist for them.

        Raises NotFound, PreconditionFailed (it does not hold for the version), StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            stored = await self._find(customer_id)
            if not may(stored.customer.owner if isinstance(stored, StoredCustomer) else stored.registration.owner):
                raise _not_found()
            if not precondition(stored.customer.version if isinstance(stored, StoredCustomer) else NO_VERSION):
                raise PreconditionFailed("The customer has changed: read it again.")
            try:
                await (
                    self._remove(stored) if isinstance(stored, StoredCustomer) else self.withdrawals.withdraw(stored)
                )
            except PreconditionFailed:
                continue  # it changed between reading and removing
            return
        raise StoreUnavailable("The customer is being changed by many requests.", CONTENTION_RETRY_AFTER_SECONDS)

    async def _find(self, customer_id: CustomerId) -> StoredCustomer | StoredRegistration:
        """The customer, or the registration if it is pending. Raises NotFound, StoreUnavailable."""
        if customer := await self.cancellations.find(customer_id):
            return customer
        postponed = await self.withdrawals.find(customer_id)
        if postponed and postponed.registration.is_pending:
            return postponed
        # It may have been registered between the two reads.
        is_registered = postponed and postponed.registration.status is RegistrationStatus.REGISTERED
        if is_registered and (customer := await self.cancellations.find(customer_id)):
            return customer
        raise _not_found()

    async def _remove(self, stored: StoredCustomer) -> None:
        event = CustomerEvent.canceled(self.new_id(), stored.customer, self.clock())
        await self.cancellations.remove(stored, event)
        self.count_cancellation()


def _not_found() -> NotFound:
    return NotFound("There is no customer with this id.")
