"""Claiming: a person has at most one live registration.

No batch spans partitions, so an owner's claim is a document in a partition of its own, which names the registration. It
is made before KakaoTalk is asked. Nothing has to free it when the registration ends: whoever comes next finds the proof
in the registration's partition, and takes the claim over. docs/decisions/0033-one-registration-a-person.md.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, AlreadyRegistered, PreconditionFailed, StoreUnavailable
from shared.domain.identifiers import Clock, CustomerId
from shared.domain.registration import Registration, RegistrationStatus
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.looking_up import ReadItem
from shared.use_cases.registrations import GRACE_FOR_STORING, StoredRegistration

# How far the clocks of two instances may differ before one cuts another short. Then too, only one registration lives.
CLOCKS_DIFFER_BY: Final = timedelta(seconds=5)
# Each fails only if another request of the same person changes the claim between a read and a write.
ATTEMPTS: Final = 5
# Contention ends as soon as the other requests are done.
CONTENTION_RETRY_AFTER_SECONDS: Final = 1


@dataclass(frozen=True)
class StoredClaim:
    """A claim and the etag of the stored document it was read from."""

    claim: Claim
    etag: str


@dataclass(frozen=True)
class OwnClaim:
    """The claim of one request. `is_first`: no other request of the same registration had made it before."""

    owner: Owner
    stored: StoredClaim
    is_first: bool


class Claims(Protocol):
    """One claim for each owner."""

    def scoped_key(self, owner: Owner, key: str) -> str:
        """The idempotency key as the owner's own, which no other owner's is equal to. It does not tell the owner."""

    async def read(self, owner: Owner) -> StoredClaim | None:
        """Raises StoreUnavailable."""

    async def add(self, owner: Owner, claim: Claim) -> StoredClaim:
        """Raises AlreadyExists if the owner has a claim, StoreUnavailable: it may be stored or not."""

    async def replace(self, owner: Owner, stored: StoredClaim, claim: Claim) -> StoredClaim:
        """Raises PreconditionFailed if it has changed since it was read, StoreUnavailable: it may be stored or not."""

    async def remove(self, owner: Owner, stored: StoredClaim) -> None:
        """Deletes it, unless it has changed since it was read. Raises StoreUnavailable."""


class ClaimedRegistrations(Protocol):
    """What has become of the registration that a claim names."""

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""

    async def is_canceled(self, customer_id: CustomerId) -> bool:
        """Whether there was a customer, who has cancelled. Raises StoreUnavailable."""

    async def fence_off(self, registration: Registration) -> None:
        """Stores this ended registration where nothing is, so that neither another nor a customer is stored there.

        Raises AlreadyExists if there is a registration or a customer with this id, StoreUnavailable.
        """


@dataclass(frozen=True)
class ClaimRegistration:
    """Of two requests of one owner, one makes or takes over the claim, by its etag, and the other is refused.

    A claim is taken over only with proof that the registration it names will never be live again: its end is stored in
    its partition. If nothing is stored there, not even when the claim is no longer held, its end is stored now, which
    fences off whoever is still about to store it, however late. `held_for`: longer than a registration may take.
    """

    claims: Claims
    registrations: ClaimedRegistrations
    customers: ReadItem[CustomerId, Customer]
    held_for: timedelta
    clock: Clock

    async def __call__(self, owner: Owner, registration_id: CustomerId, deadline: Deadline) -> OwnClaim:
        """Claims for this registration, also if it had the claim before. Raises AlreadyRegistered, StoreUnavailable."""
        return await while_unavailable(deadline, lambda: self._claim(owner, registration_id))

    def scoped_key(self, owner: Owner, key: str) -> str:
        """The idempotency key as the owner's own: the keys of two people never meet."""
        return self.claims.scoped_key(owner, key)

    async def release(self, own: OwnClaim, deadline: Deadline) -> None:
        """Lets the owner try anew at once. Only for a request that has stored nothing, and will not.

        A claim that another request of the same registration has made or touched is not released: that one may be at
        work. If releasing fails, the claim is free when its time is up.
        """
        if own.is_first:
            with suppress(StoreUnavailable):
                await while_unavailable(
                    deadline, lambda: self.claims.remove(own.owner, own.stored), grace=GRACE_FOR_STORING
                )

    async def _claim(self, owner: Owner, registration_id: CustomerId) -> OwnClaim:
        for _ in range(ATTEMPTS):
            claim = Claim(registration_id=registration_id, held_until=self.clock() + self.held_for)
            with suppress(AlreadyExists):
                return OwnClaim(owner, await self.claims.add(owner, claim), is_first=True)
            # Whatever happens between reading and writing is looked at anew.
            with suppress(AlreadyExists, PreconditionFailed):
                if stored := await self.claims.read(owner):
                    return await self._take(owner, stored, claim)
        raise StoreUnavailable("Several requests register this person.", CONTENTION_RETRY_AFTER_SECONDS)

    async def _take(self, owner: Owner, stored: StoredClaim, claim: Claim) -> OwnClaim:
        """Raises AlreadyRegistered, StoreUnavailable; AlreadyExists, PreconditionFailed: it has changed meanwhile."""
        is_first = stored.claim.registration_id != claim.registration_id
        if is_first and not await self._is_over(owner, stored.claim):
            raise AlreadyRegistered(stored.claim.registration_id)
        return OwnClaim(owner, await self.claims.replace(owner, stored, claim), is_first=is_first)

    async def _is_over(self, owner: Owner, claim: Claim) -> bool:
        """Whether the registration will certainly never be live, now or later. Raises AlreadyExists: it is by now."""
        registration_id, now = claim.registration_id, self.clock()
        if await self.customers.get(registration_id):
            return False
        stored = await self.registrations.find(registration_id)
        if stored and stored.registration.status is not RegistrationStatus.REGISTERED:
            return not stored.registration.is_pending
        if await self.registrations.is_canceled(registration_id):
            return True
        if stored or claim.is_held(now):
            return False
        await self.registrations.fence_off(Registration.abandoned(registration_id, owner, now))
        return True
