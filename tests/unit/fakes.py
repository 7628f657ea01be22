"""Ports in memory: small, with the same guarantees as the real ones."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.access_record import AccessRecord
from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer, CustomerDetails
from shared.domain.customer_view import CustomerView
from shared.domain.errors import AlreadyExists, DomainError, KakaoUnavailable, PreconditionFailed, StoreUnavailable
from shared.domain.identifiers import CustomerId, uuid7
from shared.domain.kakao_message import AlimTalk, KakaoMessage, MessageId, Receipt
from shared.domain.outbox import OutboxEvent
from shared.domain.registration import RegistrationStatus
from shared.use_cases.deadline import Deadline
from shared.use_cases.marks import Mark
from shared.use_cases.projecting import StoredView
from shared.use_cases.registrations import Lifetimes
from shared.use_cases.sweeping import OutboxPage

START = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
CUSTOMER_ID = CustomerId("0189ee3e-0000-7000-8000-000000000000")
LIFETIMES = Lifetimes(registration=timedelta(hours=24), key=timedelta(hours=24))
YEON = CustomerDetails(customer_name="yeon", customer_address="incheon", customer_age=20)
WITH_PHONE = YEON.model_copy(update={"customer_phone": "01023456789"})


@dataclass
class FakeDatabaseClock:
    time: datetime = START

    async def now(self) -> datetime:
        return self.time


class Ticks:
    """A clock that advances by a second whenever it is read, and ids made from it."""

    def __init__(self) -> None:
        self._count = 0

    def now(self) -> datetime:
        self._count += 1
        return START + timedelta(seconds=self._count)

    def new_id(self) -> str:
        return uuid7(self.now(), self._count)


@dataclass
class FakeKakao:
    """The kakao service as its caller sees it. It raises `failure`, if set; with `answers_are_lost` it tells before.

    `is_down`: it cannot even be asked. `told`: whom it told, each once. `notified`: whenever it was asked to.
    """

    failure: DomainError | None = None
    answers_are_lost: bool = False
    is_down: bool = False
    notified: list[Customer] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def check_available(self) -> None:
        if self.is_down:
            raise KakaoUnavailable("circuit open", 1)

    async def notify_registered(self, customer: Customer, deadline: Deadline, *, is_retry: bool = False) -> None:
        if self.failure is None or self.answers_are_lost:
            self.notified.append(customer)
            self.told.add(customer.customer_id)
        if self.failure:
            raise self.failure

    async def was_told(self, customer_id: CustomerId, deadline: Deadline) -> bool:
        if self.is_down:
            raise KakaoUnavailable("no answer", 1)
        return customer_id in self.told


@dataclass
class FakeProvider:
    """Sends each message id once, and repeats its receipt, after `seconds`. It raises `failure`, if set."""

    failure: DomainError | None = None
    sent: dict[str, AlimTalk] = field(default_factory=dict)
    seconds: float = 0

    async def was_sent(self, message_id: MessageId) -> bool:
        await asyncio.sleep(self.seconds)
        return message_id in self.sent

    async def send(self, message: AlimTalk) -> Receipt:
        await asyncio.sleep(self.seconds)
        if self.failure:
            raise self.failure
        self.sent.setdefault(message.message_id, message)
        return Receipt(provider="fake", receipt_id=f"receipt of {message.message_id}", status="accepted")


@dataclass
class FakeMessages:
    """`away_until`: it does not respond before that time of the event loop."""

    messages: dict[str, KakaoMessage] = field(default_factory=dict)
    away_until: float = 0

    async def add(self, message: KakaoMessage) -> None:
        if asyncio.get_running_loop().time() < self.away_until:
            raise StoreUnavailable("away", 2)
        if self.messages.setdefault(message.message_id, message) != message:
            raise AlreadyExists

    async def get(self, message_id: MessageId) -> KakaoMessage | None:
        return self.messages.get(message_id)

    async def forget(self, customer_id: CustomerId) -> None:
        for message_id, message in self.messages.items():
            if message.customer_id == customer_id:
                self.messages[message_id] = message.forgotten()


@dataclass
class FakeCancellations:
    """By customer id. It raises `failure`, if set. `reads` counts how often it was asked."""

    cancellations: dict[str, Cancellation] = field(default_factory=dict)
    failure: DomainError | None = None
    reads: int = 0

    async def find(self, customer_id: CustomerId) -> Cancellation | None:
        self.reads += 1
        if self.failure:
            raise self.failure
        return self.cancellations.get(customer_id)


@dataclass
class FakeViews:
    views: dict[str, StoredView] = field(default_factory=dict)
    writes: int = 0

    async def find(self, customer_id: CustomerId) -> StoredView | None:
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
class FakeAccessRecords:
    """While it `is_away`, it does not respond."""

    records: list[AccessRecord] = field(default_factory=list)
    is_away: bool = False

    async def add(self, record: AccessRecord) -> None:
        if self.is_away:
            raise StoreUnavailable("away", 2)
        if record not in self.records:
            self.records.append(record)


@dataclass
class FakePublisher:
    """It raises `failure`, if set."""

    failure: DomainError | None = None
    published: list[OutboxEvent] = field(default_factory=list)

    async def publish(self, events: Sequence[OutboxEvent]) -> None:
        if self.failure:
            raise self.failure
        self.published.extend(events)

    publish_again = publish


@dataclass
class FakeMarks:
    """A mark that changes its etag with every move."""

    stored: Mark = field(default_factory=Mark)

    async def read(self) -> Mark:
        return self.stored

    async def move(self, mark: Mark, position: str) -> Mark:
        if mark != self.stored:
            raise PreconditionFailed
        self.stored = Mark(position, f"etag of {position}")
        return self.stored


@dataclass
class FakeSweptOutbox:
    """Events by their ids. `unreadable`: ids of other documents. `live`: who is a customer still."""

    events: list[OutboxEvent] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    renewed: list[str] = field(default_factory=list)
    """The ids of the documents that were replaced."""
    pages: int = 0

    async def page(self, after: str, before: str, size: int) -> OutboxPage:
        self.pages += 1
        by_id = {event.id: event for event in self.events}
        ids = sorted(each for each in {*by_id, *self.unreadable} if after < each < before)[:size]
        readable = [by_id[each] for each in ids if each in by_id]
        return OutboxPage(readable, ids[-1] if ids else None, is_last=len(ids) < size)

    async def renew(self, event: OutboxEvent) -> bool:
        if event.customer_id not in self.live or event not in self.events:
            return False
        self.events.remove(event)
        self.renewed.append(event.id)
        return True


@dataclass
class FakeMetrics:
    """Remembers what was counted, timed and recorded."""

    registrations: int = 0
    cancellations: int = 0
    refusals: list[str] = field(default_factory=list)
    kakao_calls: list[str] = field(default_factory=list)
    events: list[datetime] = field(default_factory=list)
    """When each event happened whose age was recorded."""
    postponed: int = 0
    ended: list[RegistrationStatus] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    registered_after: list[datetime] = field(default_factory=list)
    """When each registration was accepted that KakaoTalk answered later."""

    def count_registration(self) -> None:
        self.registrations += 1

    def count_cancellation(self) -> None:
        self.cancellations += 1

    def count_refusal(self, error: DomainError) -> None:
        self.refusals.append(type(error).__name__)

    def count_postponed(self) -> None:
        self.postponed += 1

    def count_ended(self, status: RegistrationStatus) -> None:
        self.ended.append(status)

    def count_try(self, outcome: str) -> None:
        self.tries.append(outcome)

    def record_registered_after(self, accepted_at: datetime) -> None:
        self.registered_after.append(accepted_at)

    @contextmanager
    def time_kakao_call(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.kakao_calls.append(type(error).__name__)
            raise
        self.kakao_calls.append("success")

    def record_age(self, since: datetime) -> None:
        self.events.append(since)
