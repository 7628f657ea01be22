"""Postponing a registration: it is accepted now, and tried until KakaoTalk answers (trying.py).

Accepting stores one document and one outbox entry, and promises nothing else: until KakaoTalk has notified the customer
there is no customer. docs/decisions/0028-postponed-registrations.md.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.customer import UNSIGNED, Customer, CustomerDetails, Signature
from shared.domain.errors import AlreadyExists, DomainError, RegistrationEnded, StoreUnavailable
from shared.domain.idempotency import Reservation, digest
from shared.domain.identifiers import Clock, CustomerId, NewId
from shared.domain.registration import Registration
from shared.use_cases.claiming import ClaimRegistration, OwnClaim
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.idempotency import LastingReservations
from shared.use_cases.registrations import GRACE_FOR_STORING, Lifetimes, PostponedRegistrations

# The document that was in the way has expired since.
GONE_RETRY_AFTER_SECONDS: Final = 1

type Answer = Customer | Registration
"""A customer who is registered, or a registration that is pending."""


@dataclass(frozen=True)
class RegistrationRequest:
    """`may_be_postponed`: the client would rather wait than be refused. `signature`: who asks for it.

    A key is compared by the details alone.
    """

    details: CustomerDetails
    idempotency_key: str | None = None
    may_be_postponed: bool = False
    signature: Signature = UNSIGNED


@dataclass(frozen=True)
class Identified:
    """A request with the id of its future customer.

    `key`: the idempotency key, which is its owner's own. `is_repeated`: it came with a request before.
    """

    request: RegistrationRequest
    customer_id: CustomerId
    key: str | None = None
    is_repeated: bool = False


class PostponementMetrics(Protocol):
    def count_postponed(self) -> None: ...

    def count_refusal(self, error: DomainError) -> None: ...


def answer_of(registration: Registration) -> Answer:
    """What is answered to whoever asked for it, now or again. Raises RegistrationEnded."""
    if registration.is_pending:
        return registration
    if registration.customer:
        return registration.customer
    raise RegistrationEnded(registration.status, registration.reason)


@dataclass(frozen=True)
class PostponeRegistration:
    """For a request that was refused before KakaoTalk was asked; its parts serve the others in registering.py."""

    registrations: PostponedRegistrations
    reservations: LastingReservations
    claims: ClaimRegistration
    lifetimes: Lifetimes
    clock: Clock
    new_id: NewId
    metrics: PostponementMetrics

    async def __call__(self, request: RegistrationRequest, deadline: Deadline) -> Answer:
        """Accepts it, or repeats the first answer.

        Raises IdempotencyKeyReused, AlreadyRegistered, RegistrationEnded, StoreUnavailable.
        """
        try:
            identified = await self.identify(request, deadline)
            if answer := await self.first_answer(identified, deadline):
                return answer
            await self.claim(identified, deadline)
            return await self.accept(identified, deadline)
        except DomainError as error:
            self.metrics.count_refusal(error)
            raise

    async def identify(self, request: RegistrationRequest, deadline: Deadline) -> Identified:
        """Reserves its idempotency key, if it has one. Raises IdempotencyKeyReused, StoreUnavailable."""
        customer_id, key, owner = CustomerId(self.new_id()), request.idempotency_key, request.signature.owner
        if key is None:
            return Identified(request, customer_id)
        if owner is not None:
            key = self.claims.scoped_key(owner, key)
        own = Reservation.of(request.details, customer_id)
        lifetime = self.lifetimes.key_of_postponed if request.may_be_postponed else self.lifetimes.key
        reservation = await while_unavailable(deadline, lambda: self.reservations.reserve(key, own, lifetime))
        reservation.check(request.details)
        return Identified(request, reservation.resource_id, key, reservation.repeated)

    async def first_answer(self, identified: Identified, deadline: Deadline) -> Answer | None:
        """The answer to the same request, which came before. Raises RegistrationEnded, StoreUnavailable."""
        return await self.answer(identified.customer_id, deadline) if identified.is_repeated else None

    async def claim(self, identified: Identified, deadline: Deadline) -> OwnClaim | None:
        """The owner's claim for it, before anybody is told; None where nobody signs in.

        Raises AlreadyRegistered, StoreUnavailable.
        """
        owner = identified.request.signature.owner
        return await self.claims(owner, identified.customer_id, deadline) if owner is not None else None

    async def answer(self, customer_id: CustomerId, deadline: Deadline) -> Answer | None:
        """What is answered by now. Raises RegistrationEnded, StoreUnavailable."""
        stored = await while_unavailable(
            deadline, lambda: self.registrations.find(customer_id), grace=GRACE_FOR_STORING
        )
        return answer_of(stored.registration) if stored else None

    async def accept(self, identified: Identified, deadline: Deadline, *, may_be_told: bool = False) -> Answer:
        """Stores the pending registration; if another request was faster, answers as that one.

        `may_be_told`: KakaoTalk was asked, and may have notified the customer. Raises RegistrationEnded,
        StoreUnavailable.
        """
        registration = self._registration(identified, may_be_told=may_be_told)
        key_digest = registration.key_digest
        if key_digest and identified.is_repeated:
            # The key may have come first without the preference, or long ago.
            lifetime = self.lifetimes.key_of_postponed
            await while_unavailable(
                deadline,
                lambda: self.reservations.prolong(key_digest, registration.customer_id, lifetime),
                grace=GRACE_FOR_STORING,
            )
        try:
            await while_unavailable(deadline, lambda: self.registrations.accept(registration), grace=GRACE_FOR_STORING)
        except AlreadyExists:
            answer = await self.answer(registration.customer_id, deadline)
            if answer is None:
                raise StoreUnavailable("The registration has just expired.", GONE_RETRY_AFTER_SECONDS) from None
            return answer
        self.metrics.count_postponed()
        return registration

    def _registration(self, identified: Identified, *, may_be_told: bool) -> Registration:
        now, request = self.clock(), identified.request
        registration = Registration.postponed(
            identified.customer_id, request.details, now, self.lifetimes.registration, request.signature
        )
        if identified.key is not None:
            return registration.with_key(digest(identified.key), now)
        return registration.perhaps_told(now) if may_be_told else registration
