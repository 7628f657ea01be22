"""Registering a customer: KakaoTalk is told first, or nothing is registered (fail closed)."""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import AlreadyExists
from shared.domain.events import CustomerEvent
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import Clock, NewId


class KakaoNotifier(Protocol):
    async def notify_registered(self, customer: Customer) -> None:
        """Tells the customer by KakaoTalk. Raises KakaoUnavailable or KakaoRefused."""


class Registrations(Protocol):
    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        """Stores customer and event, both or neither. Raises AlreadyExists, StoreUnavailable.

        With `keep_answer` the first answer stays available to `first_answer` for as long as idempotency keys last.
        """

    async def first_answer(self, customer_id: str) -> Customer | None:
        """The customer as first answered, even if cancelled since. Raises StoreUnavailable."""


class Reservations(Protocol):
    async def reserve(self, key: str, reservation: Reservation) -> Reservation:
        """`reservation` if the key is new, else the one it came with first, marked as repeated.

        Raises StoreUnavailable.
        """


@dataclass(frozen=True)
class RegisterCustomer:
    """One kakao call, then one write: that is all a registration costs. A key costs one more write."""

    kakao: KakaoNotifier
    registrations: Registrations
    reservations: Reservations
    clock: Clock
    new_id: NewId

    async def __call__(self, details: CustomerDetails, idempotency_key: str | None = None) -> Customer:
        """Registers the customer. Raises KakaoUnavailable, KakaoRefused, IdempotencyKeyReused, StoreUnavailable."""
        if idempotency_key is None:
            return await self._register(self.new_id(), details, keep_answer=False)
        reservation = await self.reservations.reserve(idempotency_key, Reservation.of(details, self.new_id()))
        reservation.check(details)
        if reservation.repeated:
            answer = await self.registrations.first_answer(reservation.resource_id)
            if answer:
                return answer
        return await self._register(reservation.resource_id, details, keep_answer=True)

    async def _register(self, customer_id: str, details: CustomerDetails, *, keep_answer: bool) -> Customer:
        customer = Customer.register(customer_id, details, self.clock())
        await self.kakao.notify_registered(customer)
        event = CustomerEvent.registered(self.new_id(), customer)
        try:
            await self.registrations.add(customer, event, keep_answer=keep_answer)
        except AlreadyExists:
            # The id is this request's own: the write was repeated below us, or the same key came twice at once.
            return await self.registrations.first_answer(customer_id) or customer
        return customer
