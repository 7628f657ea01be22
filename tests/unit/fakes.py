"""Ports in memory: small, and keeping the same promises as the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.customer_view import CustomerView
from shared.domain.errors import AlreadyExists, DomainError, NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import uuid7
from shared.domain.kakao_message import AlimTalk, KakaoMessage, Receipt
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.projecting import StoredView
from shared.use_cases.publishing import OutboxEvent

START = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
YEON = CustomerDetails(customer_name="yeon", customer_address="incheon", customer_age=20)


class Ticks:
    """A clock that goes on by a second whenever it is read, and ids made from it."""

    def __init__(self) -> None:
        self._count = 0

    def now(self) -> datetime:
        self._count += 1
        return START + timedelta(seconds=self._count)

    def new_id(self) -> str:
        return uuid7(self.now(), self._count)


@dataclass
class FakeKakao:
    """The kakao service as its caller sees it. `failure` is what it raises."""

    failure: DomainError | None = None
    told: list[Customer] = field(default_factory=list)

    async def notify_registered(self, customer: Customer) -> None:
        if self.failure:
            raise self.failure
        self.told.append(customer)


@dataclass
class FakeCustomers:
    """Customers, their outbox and the kept first answers: all or nothing, and each id once."""

    customers: dict[str, Customer] = field(default_factory=dict)
    answers: dict[str, Customer] = field(default_factory=dict)
    outbox: list[CustomerEvent] = field(default_factory=list)

    async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
        if customer.customer_id in self.customers or (keep_answer and customer.customer_id in self.answers):
            raise AlreadyExists
        self.customers[customer.customer_id] = customer
        self.outbox.append(event)
        if keep_answer:
            self.answers[customer.customer_id] = customer

    async def first_answer(self, customer_id: str) -> Customer | None:
        return self.answers.get(customer_id)

    async def find(self, customer_id: str) -> StoredCustomer | None:
        customer = self.customers.get(customer_id)
        return StoredCustomer(customer, str(customer.version)) if customer else None

    async def remove(self, stored: StoredCustomer, event: CustomerEvent) -> None:
        current = await self.find(stored.customer.customer_id)
        if current is None:
            raise NotFound
        if current.etag != stored.etag:
            raise PreconditionFailed
        del self.customers[stored.customer.customer_id]
        self.outbox.append(event)


@dataclass
class FakeReservations:
    reservations: dict[str, Reservation] = field(default_factory=dict)

    async def reserve(self, key: str, reservation: Reservation) -> Reservation:
        first = self.reservations.get(key)
        if first:
            return first.model_copy(update={"repeated": True})
        self.reservations[key] = reservation
        return reservation


@dataclass
class FakeProvider:
    """Sends a message id once, and gives the same receipt again. `failure` is what it raises."""

    failure: DomainError | None = None
    sent: dict[str, AlimTalk] = field(default_factory=dict)

    async def send(self, message: AlimTalk) -> Receipt:
        if self.failure:
            raise self.failure
        self.sent.setdefault(message.message_id, message)
        return Receipt(provider="fake", receipt_id=f"receipt of {message.message_id}", status="accepted")


@dataclass
class FakeMessages:
    messages: dict[str, KakaoMessage] = field(default_factory=dict)

    async def add(self, message: KakaoMessage) -> None:
        if message.message_id in self.messages:
            raise AlreadyExists
        self.messages[message.message_id] = message

    async def find(self, message_id: str) -> KakaoMessage | None:
        return self.messages.get(message_id)


@dataclass
class FakeViews:
    views: dict[str, StoredView] = field(default_factory=dict)
    writes: int = 0

    async def find(self, customer_id: str) -> StoredView | None:
        return self.views.get(customer_id)

    async def add(self, view: CustomerView) -> None:
        if view.customer_id in self.views:
            raise AlreadyExists
        self._write(view)

    async def replace(self, stored: StoredView, view: CustomerView) -> None:
        current = self.views.get(view.customer_id)
        if current is None or current.etag != stored.etag:
            raise PreconditionFailed
        self._write(view)

    def _write(self, view: CustomerView) -> None:
        self.writes += 1
        self.views[view.customer_id] = StoredView(view, etag=str(self.writes))


@dataclass
class FakePublisher:
    published: list[OutboxEvent] = field(default_factory=list)

    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        self.published.extend(events)
