"""Registering a customer: KakaoTalk is notified first, or nothing is registered (fail closed)."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, DomainError, KakaoRefused, KakaoUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, NewId
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.postponing import Answer, Identified, PostponeRegistration, RegistrationRequest
from shared.use_cases.registrations import GRACE_FOR_STORING


class KakaoNotifier(Protocol):
    async def notify_registered(self, customer: Customer, deadline: Deadline) -> None:
        """Notifies the customer by KakaoTalk, and leaves time for storing. Raises KakaoUnavailable or KakaoRefused."""


class Registrations(Protocol):
    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        """Stores customer and event, both or neither; storing the same event again succeeds and changes nothing.

        With `keep_answer` it stores `Registration.answered(customer)` with them, which lives as long as one that was
        postponed and has ended. Raises AlreadyExists if the customer exists with another event, or if there is a
        registration with this id, StoreUnavailable.
        """


class RegistrationMetrics(Protocol):
    def count_registration(self) -> None: ...

    def count_refusal(self, error: DomainError) -> None: ...

    def time_kakao_call(self) -> AbstractContextManager[None]:
        """Times what runs inside, by its outcome."""


@dataclass(frozen=True)
class RegisterCustomer:
    """A registration costs one kakao call and one write. An idempotency key costs one more write, a claim another."""

    kakao: KakaoNotifier
    registrations: Registrations
    postpone: PostponeRegistration
    clock: Clock
    new_id: NewId
    metrics: RegistrationMetrics

    async def __call__(self, request: RegistrationRequest, deadline: Deadline) -> Answer:
        """Registers the customer, or postpones the registration if the request allows that.

        The same key again is answered as the first request is by now: it may be postponed. Raises KakaoUnavailable,
        KakaoRefused, IdempotencyKeyReused, AlreadyRegistered, RegistrationEnded, StoreUnavailable.
        """
        try:
            identified = await self.postpone.identify(request, deadline)
            answer = await self.postpone.first_answer(identified, deadline)
            return answer or await self._register(identified, deadline)
        except DomainError as error:
            self.metrics.count_refusal(error)
            raise

    async def _register(self, identified: Identified, deadline: Deadline) -> Answer:
        request = identified.request
        customer = Customer.register(identified.customer_id, request.details, self.clock(), request.signature)
        claim = await self.postpone.claim(identified, deadline)
        try:
            with self.metrics.time_kakao_call():
                await self.kakao.notify_registered(customer, deadline)
        except (KakaoUnavailable, KakaoRefused) as failure:
            if isinstance(failure, KakaoUnavailable) and request.may_be_postponed:
                return await self.postpone.accept(identified, deadline, may_be_told=failure.may_be_told)
            if claim:
                await self.postpone.claims.release(claim, deadline)
            raise
        return await self._store(customer, deadline, keep_answer=request.idempotency_key is not None)

    async def _store(self, customer: Customer, deadline: Deadline, *, keep_answer: bool) -> Answer:
        event = CustomerEvent.registered(self.new_id(), customer)
        try:
            # A write whose answer was lost is recognised by its event.
            await while_unavailable(
                deadline,
                lambda: self.registrations.add(customer, event, keep_answer=keep_answer),
                grace=GRACE_FOR_STORING,
            )
        except AlreadyExists:
            # Another request with the same key was faster. If it was postponed, its attempt finds that KakaoTalk has
            # notified the customer.
            return await self.postpone.answer(customer.customer_id, deadline) or customer
        self.metrics.count_registration()
        return customer
