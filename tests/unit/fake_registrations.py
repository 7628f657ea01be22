"""Customers, registrations, claims, keys and attempts in memory, with the same guarantees as the real ones."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, DomainError, NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent, EventType
from shared.domain.idempotency import Reservation, digest
from shared.domain.identifiers import Clock, CustomerId
from shared.domain.registration import Attempt, Registration
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.claiming import ClaimRegistration, StoredClaim
from shared.use_cases.registrations import ReceivedAttempt, StoredRegistration
from tests.unit.fakes import START


@dataclass
class FakeCustomers:
    """Customers, their registrations and the outbox: all or nothing, and each id once.

    Before the time `away_until` of the event loop `add` does not respond; with `answers_are_lost` it stores
    all the same, and raises.
    """

    customers: dict[str, Customer] = field(default_factory=dict)
    registrations: dict[str, StoredRegistration] = field(default_factory=dict)
    fences: set[str] = field(default_factory=set)
    outbox: list[CustomerEvent] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    away_until: float = 0
    answers_are_lost: bool = False
    writes: int = 0

    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        is_away = asyncio.get_running_loop().time() < self.away_until
        if is_away and not self.answers_are_lost:
            raise StoreUnavailable("away", 2)
        self._add(customer, event, keep_answer=keep_answer)
        if is_away:
            raise StoreUnavailable("answer lost", 2)

    def _add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        if event in self.outbox:
            return
        customer_id = customer.customer_id
        if (
            customer_id in self.customers
            or customer_id in self.fences
            or (keep_answer and customer_id in self.registrations)
        ):
            raise AlreadyExists
        self.customers[customer_id] = customer
        self.outbox.append(event)
        if keep_answer:
            self.store(Registration.answered(customer))

    def store(self, registration: Registration) -> StoredRegistration:
        """With a new etag."""
        self.writes += 1
        stored = StoredRegistration(registration, str(self.writes))
        self.registrations[registration.customer_id] = stored
        return stored

    async def get(self, customer_id: CustomerId) -> Customer | None:
        return self.customers.get(customer_id)

    async def find(self, customer_id: CustomerId) -> StoredCustomer | None:
        customer = self.customers.get(customer_id)
        return StoredCustomer(customer, str(customer.version)) if customer else None

    async def replace(self, stored: StoredCustomer, customer: Customer, event: CustomerEvent) -> None:
        if event in self.outbox:
            return
        await self._check(stored)
        self.customers[customer.customer_id] = customer
        self.outbox.append(event)

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        if event in self.outbox:
            return
        await self._check(stored)
        del self.customers[stored.customer.customer_id]
        self.outbox.append(event)

    async def _check(self, stored: StoredCustomer) -> None:
        current = self.customers.get(stored.customer.customer_id)
        if current is None:
            raise NotFound
        if str(current.version) != stored.etag:
            raise PreconditionFailed


@dataclass
class FakeRegistrations:
    """Postponed registrations, in the partitions of `partitions`."""

    partitions: FakeCustomers

    async def accept(self, registration: Registration) -> None:
        stored = self.partitions.registrations.get(registration.customer_id)
        if stored and stored.registration == registration:
            return
        if stored:
            raise AlreadyExists
        self.partitions.store(registration)
        if attempt := registration.next_attempt:
            self.partitions.attempts.append(attempt)

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        return self.partitions.registrations.get(customer_id)

    async def replace(self, stored: StoredRegistration, registration: Registration) -> StoredRegistration:
        self._check(stored)
        return self.partitions.store(registration)

    async def settle(
        self,
        stored: StoredRegistration,
        registration: Registration,
        events: Sequence[CustomerEvent],
        customer: Customer | None = None,
    ) -> None:
        if events[0] in self.partitions.outbox:
            return
        self._check(stored)
        if customer and customer.customer_id in self.partitions.customers:
            raise AlreadyExists
        self.partitions.store(registration)
        self.partitions.outbox.extend(events)
        if customer:
            self.partitions.customers[customer.customer_id] = customer

    async def is_canceled(self, customer_id: CustomerId) -> bool:
        canceled = [event.subject for event in self.partitions.outbox if event.type is EventType.CANCELED]
        return customer_id in canceled

    async def fence_off(self, registration: Registration) -> None:
        customer_id = registration.customer_id
        if customer_id in self.partitions.customers or customer_id in self.partitions.registrations:
            raise AlreadyExists
        self.partitions.fences.add(customer_id)
        self.partitions.store(registration)

    def _check(self, stored: StoredRegistration) -> None:
        current = self.partitions.registrations.get(stored.registration.customer_id)
        if current is None or current.etag != stored.etag:
            raise PreconditionFailed

    async def due_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        due = [(each.registration.due_at, each) for each in self.partitions.registrations.values()]
        found = [(due_at, each) for due_at, each in due if due_at and due_at < moment]
        return [each for _, each in sorted(found, key=lambda pair: pair[0])][:size]

    async def expiring_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        stored = self.partitions.registrations.values()
        found = [each for each in stored if each.registration.is_over(moment) and not each.registration.may_be_told]
        return found[:size]

    async def oldest(self) -> datetime | None:
        registrations = [each.registration for each in self.partitions.registrations.values()]
        return min((each.accepted_at for each in registrations if each.is_pending), default=None)


@dataclass
class FakeClaims:
    """One for each owner, with a new etag for each write."""

    claims: dict[Owner, StoredClaim] = field(default_factory=dict)
    writes: int = 0

    def scoped_key(self, owner: Owner, key: str) -> str:
        return f"{key} of {owner}"

    async def read(self, owner: Owner) -> StoredClaim | None:
        return self.claims.get(owner)

    async def add(self, owner: Owner, claim: Claim) -> StoredClaim:
        if owner in self.claims:
            raise AlreadyExists
        return self._store(owner, claim)

    async def replace(self, owner: Owner, stored: StoredClaim, claim: Claim) -> StoredClaim:
        current = self.claims.get(owner)
        if current is None or current.etag != stored.etag:
            raise PreconditionFailed
        return self._store(owner, claim)

    async def remove(self, owner: Owner, stored: StoredClaim) -> None:
        current = self.claims.get(owner)
        if current and current.etag == stored.etag:
            del self.claims[owner]

    def _store(self, owner: Owner, claim: Claim) -> StoredClaim:
        self.writes += 1
        self.claims[owner] = StoredClaim(claim, str(self.writes))
        return self.claims[owner]


HELD_FOR = timedelta(seconds=12)


def claiming(
    registrations: FakeRegistrations, clock: Clock = lambda: START, claims: FakeClaims | None = None
) -> ClaimRegistration:
    return ClaimRegistration(claims or FakeClaims(), registrations, registrations.partitions, HELD_FOR, clock)


@dataclass
class FakeReservations:
    """Without expiry: `lifetimes` has what each key was last given."""

    reservations: dict[str, Reservation] = field(default_factory=dict)
    lifetimes: dict[str, timedelta | None] = field(default_factory=dict)

    async def reserve(self, key: str, reservation: Reservation, lifetime: timedelta | None = None) -> Reservation:
        first = self.reservations.get(key)
        if first:
            return first.model_copy(update={"repeated": True})
        self.reservations[key] = reservation
        self.lifetimes[key] = lifetime
        return reservation

    async def prolong(self, key_digest: str, customer_id: CustomerId, lifetime: timedelta) -> None:
        for key, reservation in self.reservations.items():
            if digest(key) == key_digest and reservation.resource_id == customer_id:
                self.lifetimes[key] = lifetime


@dataclass
class FakeQueue:
    """Remembers each message once, as the queue does that detects duplicates. It raises `failure`, if set."""

    failure: DomainError | None = None
    sent: dict[str, Attempt] = field(default_factory=dict)

    async def send(self, attempts: Sequence[Attempt]) -> None:
        if self.failure:
            raise self.failure
        for attempt in attempts:
            self.sent.setdefault(attempt.message_id, attempt)

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        return [ReceivedAttempt(attempt, attempt.message_id) for attempt in list(self.sent.values())[:most]]

    async def complete(self, received: ReceivedAttempt) -> None:
        self.sent.pop(received.attempt.message_id, None)
