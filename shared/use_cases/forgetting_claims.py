"""Removing the claims of those who have no registration: docs/decisions/0034-forgetting.md.

A claim names its owner by a digest, so it is about a person. Nobody has to free it when a registration ends: it is
removed by the cancellation that names it, and any other by looking through all claims.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from shared.domain.cancellation import Cancellation
from shared.domain.claim import Claim
from shared.domain.customer import Customer
from shared.domain.identifiers import Clock, CustomerId
from shared.use_cases.claiming import StoredClaim
from shared.use_cases.looking_up import ReadItem
from shared.use_cases.marks import Marks
from shared.use_cases.paged_run import LookedAt, PagedRun
from shared.use_cases.registrations import StoredRegistration

# Every claim is looked at once in this time. With the day below that is well within the five that there are.
CYCLE: Final = timedelta(days=2)
# Whoever made the claim has ended by then, by far: what is not stored will not be.
ABANDONED_AFTER: Final = timedelta(days=1)
CLAIMS_A_PAGE: Final = 100
# One read each; of a million claims, six a second are due.
RUN: Final = PagedRun("removing claims", a_second=20, longest_seconds=60)
PREFIX: Final = "owner."
# Digests are evenly distributed hexadecimal numbers: so many of their bits say how far a cycle has come.
BITS: Final = 32
BEYOND: Final = f"{PREFIX}g"
"""Higher than the id of any claim."""


@dataclass(frozen=True)
class IdentifiedClaim:
    """`claim_id`: that of the document."""

    claim_id: str
    stored: StoredClaim


class EndedClaims(Protocol):
    async def find(self, claim_id: str) -> StoredClaim | None:
        """Raises StoreUnavailable."""

    async def page(self, after: str, until: str, size: int) -> Sequence[IdentifiedClaim]:
        """At most `size` with ids above `after` and up to `until`, in their order. Raises StoreUnavailable."""

    async def remove(self, claim_id: str, stored: StoredClaim) -> None:
        """Deletes it, unless it has changed since it was read. Raises StoreUnavailable."""


class ClaimingCancellations(Protocol):
    async def forget_claim(self, customer_id: CustomerId) -> None:
        """Removes the id of the claim from the cancellation. Raises StoreUnavailable."""


class ClaimedRegistrations(Protocol):
    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        """Raises StoreUnavailable."""


@dataclass(frozen=True)
class ForgetClaim:
    """Removes the claim of one who has cancelled, unless its owner has registered anew since then."""

    claims: EndedClaims
    cancellations: ClaimingCancellations

    async def __call__(self, cancellation: Cancellation) -> None:
        """Raises StoreUnavailable."""
        if cancellation.claim_id is None:
            return
        stored = await self.claims.find(cancellation.claim_id)
        if stored and stored.claim.registration_id == cancellation.customer_id:
            await self.claims.remove(cancellation.claim_id, stored)
        await self.cancellations.forget_claim(cancellation.customer_id)


@dataclass(frozen=True)
class RemoveEndedClaims:
    """Looks through all claims at an even pace: those of registrations that were withdrawn, refused or never stored.

    Each run looks at as many as the time since the last one is of a cycle. `seconds`: a clock that never goes back.
    """

    claims: EndedClaims
    customers: ReadItem[CustomerId, Customer]
    registrations: ClaimedRegistrations
    marks: Marks
    clock: Clock
    seconds: Callable[[], float]

    async def __call__(self) -> None:
        """Goes on where the last run ended. Raises StoreUnavailable."""
        await RUN(self.marks, self.seconds, partial(self._remove, self.clock()))

    async def _remove(self, now: datetime, after: str) -> LookedAt:
        # Beyond what is due, a cycle has ended since the last run: first the end of it.
        due = _due(now)
        until = due if after <= due else BEYOND
        page = await self.claims.page(after, until, CLAIMS_A_PAGE)
        for each in page:
            if await self._is_ended(each.stored.claim, now):
                await self.claims.remove(each.claim_id, each.stored)
        is_last = len(page) < CLAIMS_A_PAGE
        if is_last and until == BEYOND:
            return LookedAt(len(page), "", is_last=False)
        return LookedAt(len(page), page[-1].claim_id if page else after, is_last)

    async def _is_ended(self, claim: Claim, now: datetime) -> bool:
        """Whether there is neither a customer nor a registration that is pending, nor will be."""
        if now < claim.held_until + ABANDONED_AFTER or await self.customers.get(claim.registration_id):
            return False
        stored = await self.registrations.find(claim.registration_id)
        if stored is None or not stored.registration.is_pending:
            # It may have been registered between the two reads.
            return await self.customers.get(claim.registration_id) is None
        return False


def _due(now: datetime) -> str:
    """The id up to which claims are due in the cycle of `now`."""
    fraction = now.timestamp() % CYCLE.total_seconds() / CYCLE.total_seconds()
    return f"{PREFIX}{int(fraction * 2**BITS):0{BITS // 4}x}"
