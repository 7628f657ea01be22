"""Withdrawing a postponed registration: the client sees it at once, whatever KakaoTalk was told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.callers import Permission, everything
from shared.domain.errors import NotFound, PreconditionFailed, TooLateToWithdraw
from shared.domain.forgetting import KEPT_FOR, time_left
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
        """To be called before the registration ends. Raises StoreUnavailable.

        With the key a digest of the details is stored, which nobody keeps for longer than the registration itself.
        """
        expires_at, over_at = registration.expires_at, registration.over_at
        if registration.key_digest and expires_at and expires_at - KEY_MARGIN <= now:
            lifetime = self.lifetimes.key
            if over_at:
                lifetime = min(lifetime, time_left(over_at, KEPT_FOR - KEY_MARGIN, now))
            await self.reservations.prolong(registration.key_digest, registration.customer_id, lifetime)


@dataclass(frozen=True)
class WithdrawRegistration:
    """It races with the attempt that would register the customer: by the etag of the document only one succeeds."""

    registrations: PostponedRegistrations
    look_up: LookUpRegistration
    keep_key: KeepKey
    clock: Clock
    count_ended: Callable[[RegistrationStatus], None]

    async def __call__(self, customer_id: CustomerId, may: Permission = everything) -> None:
        """Withdraws; doing it again succeeds. What somebody may not withdraw does not exist for them.

        Raises NotFound, TooLateToWithdraw, PreconditionFailed (it kept changing), StoreUnavailable.
        """
        for _ in range(ATTEMPTS):
            stored = await self.find(customer_id)
            if stored and not may(stored.registration.owner):
                raise NotFound("There is no registration with this id.")
            if stored and stored.registration.is_pending:
                try:
                    await self.withdraw(stored)
                except PreconditionFailed:
                    continue
                return
            registration = stored.registration if stored else await self.look_up.one(customer_id, may)
            if registration.status is RegistrationStatus.WITHDRAWN:
                return
            raise TooLateToWithdraw(registration.status)
        raise PreconditionFailed("The registration is changing: try again.")

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""
        return await self.registrations.find(customer_id)

    async def withdraw(self, stored: StoredRegistration) -> None:
        """Withdraws a pending one. Raises PreconditionFailed if it has changed since it was read, StoreUnavailable."""
        now = self.clock()
        await self.keep_key(stored.registration, now)
        await self.registrations.replace(stored, stored.registration.withdrawn(now))
        self.count_ended(RegistrationStatus.WITHDRAWN)
