"""Withdrawing a postponed registration: the client sees it at once, whatever KakaoTalk was told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import PreconditionFailed, TooLateToWithdraw
from shared.domain.identifiers import Clock, CustomerId
from shared.domain.registration import Registration, RegistrationStatus
from shared.use_cases.idempotency import LastingReservations
from shared.use_cases.looking_up import LookUpRegistration
from shared.use_cases.registrations import KEY_MARGIN, Lifetimes, PostponedRegistrations, StoredRegistration

# A pending registration changes when it is tried, every few seconds at most.
ATTEMPTS: Final = 3


@dataclass(frozen=True)
class KeepKey:
    """Keeps the idempotency key of a registration that ends late, so that it can still be repeated for a day."""

    reservations: LastingReservations
    lifetimes: Lifetimes

    async def __call__(self, registration: Registration, now: datetime) -> None:
        """To be called before the registration ends. Raises StoreUnavailable."""
        expires_at = registration.expires_at
        if registration.key_digest and expires_at and expires_at - KEY_MARGIN <= now:
            await self.reservations.prolong(registration.key_digest, registration.customer_id, self.lifetimes.key)


@dataclass(frozen=True)
class WithdrawRegistration:
    """It races with the attempt that would register the customer: by the etag of the document only one succeeds."""

    registrations: PostponedRegistrations
    look_up: LookUpRegistration
    keep_key: KeepKey
    clock: Clock
    count_ended: Callable[[RegistrationStatus], None]

    async def __call__(self, customer_id: CustomerId) -> None:
        """Withdraws; doing it again succeeds.

        Raises NotFound, TooLateToWithdraw, PreconditionFailed (it kept changing), StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            stored = await self.find(customer_id)
            if stored and stored.registration.is_pending:
                try:
                    await self.withdraw(stored)
                except PreconditionFailed:
                    continue
                return
            registration = stored.registration if stored else await self.look_up.one(customer_id)
            if registration.status is RegistrationStatus.WITHDRAWN:
                return
            raise TooLateToWithdraw(registration.status)
        raise PreconditionFailed("The registration is changing: try again.")

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""
        return await self.registrations.find(customer_id)

    async def withdraw(self, stored: StoredRegistration) -> None:
        """Withdraws a pending one. Raises PreconditionFailed if it has changed since it was read, StoreUnavailable."""
        await self.keep_key(stored.registration, self.clock())
        await self.registrations.replace(stored, stored.registration.withdrawn())
        self.count_ended(RegistrationStatus.WITHDRAWN)
