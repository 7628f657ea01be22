"""Registering a customer: KakaoTalk is notified first, or nothing is registered (fail closed)."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import AlreadyExists, DomainError
from shared.domain.events import CustomerEvent
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import Clock, CustomerId, NewId
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.idempotency import Reservations

# Seconds. The customer knows by then that he is registered: a write that has begun is not given up at the deadline.
GRACE_FOR_STORING: Final = 0.5


class KakaoNotifier(Protocol):
    async def notify_registered(self, customer: Customer, deadline: Deadline) -> None:
        """Notifies the customer by KakaoTalk, and leaves time for storing. Raises KakaoUnavailable or KakaoRefused."""


class Registrations(Protocol):
    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        """Stores customer and event, both or neither; storing the same event again succeeds and changes nothing.

        With `keep_answer` the first answer stays available to `first_answer` for as long as idempotency keys last.
        Raises AlreadyExists if the customer exists with another event, StoreUnavailable.
        """

    async def first_answer(self, customer_id: CustomerId) -> Customer | None:
        """The customer as first answered, even if cancelled since. Raises StoreUnavailable."""


class RegistrationMetrics(Protocol):
    def count_registration(self) -> None: ...

    def count_refusal(self, error: DomainError) -> None: ...

    def time_kakao_call(self) -> AbstractContextManager[None]:
        """Times what runs inside, by its outcome."""


@dataclass(frozen=True)
class RegisterCustomer:
    """A registration costs one kakao call and one write; an idempotency key costs one more write."""

    kakao: KakaoNotifier
    registrations: Registrations
    reservations: Reservations
    clock: Clock
    new_id: NewId
    metrics: RegistrationMetrics

    async def __call__(
        self, details: CustomerDetails, deadline: Deadline, idempotency_key: str | None = None
    ) -> Customer:
        """Registers the customer. Raises KakaoUnavailable, KakaoRefused, IdempotencyKeyReused, StoreUnavailable."""
        try:
            if idempotency_key is None:
                return await self._register(CustomerId(self.new_id()), details, deadline, keep_answer=False)
            return await self._register_once(details, deadline, idempotency_key)
        except DomainError as error:
            self.metrics.count_refusal(error)
            raise

    async def _register_once(self, details: CustomerDetails, deadline: Deadline, idempotency_key: str) -> Customer:
        own = Reservation.of(details, CustomerId(self.new_id()))
        reservation = await while_unavailable(deadline, lambda: self.reservations.reserve(idempotency_key, own))
        reservation.check(details)
        if reservation.repeated:
            answer = await self._first_answer(reservation.resource_id, deadline)
            if answer:
                return answer
        return await self._register(reservation.resource_id, details, deadline, keep_answer=True)

    async def _register(
        self, customer_id: CustomerId, details: CustomerDetails, deadline: Deadline, *, keep_answer: bool
    ) -> Customer:
        customer = Customer.register(customer_id, details, self.clock())
        with self.metrics.time_kakao_call():
            await self.kakao.notify_registered(customer, deadline)
        event = CustomerEvent.registered(self.new_id(), customer)
        try:
            # A write whose answer was lost is recognised by its event.
            await while_unavailable(
                deadline,
                lambda: self.registrations.add(customer, event, keep_answer=keep_answer),
                grace=GRACE_FOR_STORING,
            )
        except AlreadyExists:
            # Another request with the same key was faster.
            return await self._first_answer(customer_id, deadline) or customer
        self.metrics.count_registration()
        return customer

    async def _first_answer(self, customer_id: CustomerId, deadline: Deadline) -> Customer | None:
        return await while_unavailable(deadline, lambda: self.registrations.first_answer(customer_id))
