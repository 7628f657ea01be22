"""The ports of postponed registrations, in memory: each call goes as the test says, and documents expire."""

import inspect
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import DomainError, KakaoBusy, KakaoRefused, KakaoUnavailable
from shared.domain.idempotency import Reservation, digest
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Attempt, Registration
from shared.use_cases.deadline import Deadline
from shared.use_cases.registrations import StoredRegistration
from tests.unit.fake_registrations import FakeCustomers, FakeReservations
from tests.unit.fakes import LIFETIMES

BLOCKED = CustomerDetails(customer_name="blocked", customer_address="incheon", customer_age=20)
LONGEST_DELAY: Final = timedelta(seconds=15)
DUPLICATES_KNOWN_FOR: Final = timedelta(minutes=10)
TIME_TO_END: Final = timedelta(days=7)


class Crash(Exception):
    """The process is gone."""


class How(StrEnum):
    """How a call of a port goes. To kakao, `busy` and `unreachable` mean that it has told nobody for certain."""

    WELL = "well"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    UNAVAILABLE = "unavailable"
    ANSWER_LOST = "answer lost"
    BUSY = "busy"
    LATER = "timeout, and done later"


class Partitions(FakeCustomers):
    """Documents live as long as `Lifetimes` says."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._until: dict[str, datetime] = {}
        self.ever: set[str] = set()

    def store(self, registration: Registration) -> StoredRegistration:
        is_ended = registration.due_at is None
        lifetime = LIFETIMES.registration + (LIFETIMES.key if is_ended else TIME_TO_END)
        self._until[registration.customer_id] = self._clock() + lifetime
        self.ever.add(registration.customer_id)
        return super().store(registration)

    def loses_by(self, moment: datetime) -> bool:
        """Whether a registration with something left to do disappears by then: it was not tried for a week."""
        left = {each for each, stored in self.registrations.items() if stored.registration.due_at}
        return any(until <= moment for each, until in self._until.items() if each in left)

    def expire(self) -> None:
        for customer_id in [each for each, until in self._until.items() if until <= self._clock()]:
            del self._until[customer_id], self.registrations[customer_id]


class Reservations(FakeReservations):
    """Keys that expire."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._until: dict[str, datetime] = {}

    async def reserve(self, key: str, reservation: Reservation, lifetime: timedelta | None = None) -> Reservation:
        reserved = await super().reserve(key, reservation, lifetime)
        if not reserved.repeated:
            self._until[key] = self._clock() + (lifetime or LIFETIMES.key)
        return reserved

    async def prolong(self, key_digest: str, customer_id: CustomerId, lifetime: timedelta) -> None:
        for key, reservation in self.reservations.items():
            if digest(key) == key_digest and reservation.resource_id == customer_id:
                self._until[key] = self._clock() + lifetime

    def expire(self) -> None:
        for key in [each for each, until in self._until.items() if until <= self._clock()]:
            del self._until[key], self.reservations[key]


class Queue:
    """Messages, once each within ten minutes; they stay until they are completed."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seen: dict[str, datetime] = {}
        self.messages: dict[str, Attempt] = {}
        self.ever: list[Attempt] = []

    async def send(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            seen = self._seen.get(attempt.message_id)
            if seen is None or seen + DUPLICATES_KNOWN_FOR <= self._clock():
                self._seen[attempt.message_id] = self._clock()
                self.messages[attempt.message_id] = attempt
                self.ever.append(attempt)

    def due(self) -> list[Attempt]:
        return [attempt for attempt in self.messages.values() if attempt.due_at <= self._clock()]


class Stopping(Protocol):
    """What ports know of the world. `late_calls`: what callers gave up and still arrives, where that can happen."""

    now: datetime
    late_calls: list[Callable[[], Coroutine[Any, Any, Any]]] | None

    async def stop(self, call: str) -> How:
        """Waits until the test lets the current operation go on."""


class Gate:
    """A port whose calls wait for the test."""

    def __init__(self, world: Stopping, port: object, unavailable: Callable[[], DomainError]) -> None:
        self._world = world
        self._port = port
        self._unavailable = unavailable

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        call = getattr(self._port, name)
        if not inspect.iscoroutinefunction(call):
            return call  # type: ignore[no-any-return]

        async def gated(*arguments: Any, **named: Any) -> Any:
            how = await self._world.stop(f"{type(self._port).__name__}.{name}")
            if how is How.CRASH_BEFORE:
                raise Crash
            if how is How.LATER and self._world.late_calls is not None:
                self._world.late_calls.append(lambda: call(*arguments, **named))
            if how in (How.UNAVAILABLE, How.BUSY, How.LATER):
                raise self._unavailable()
            result = await call(*arguments, **named)
            if how is How.CRASH_AFTER:
                raise Crash
            if how is How.ANSWER_LOST:
                raise self._unavailable()
            return result

        return gated


class Kakao:
    """It tells each customer once, and never those it blocks. `is_away`: the circuit breaker refuses every call."""

    def __init__(self, world: Stopping) -> None:
        self._world = world
        self.is_away = False
        self.told: set[str] = set()
        self.later: list[tuple[datetime, Customer]] = []

    def check_available(self) -> None:
        if self.is_away:
            raise KakaoUnavailable("circuit open", 1)

    async def notify_registered(self, customer: Customer, deadline: Deadline, *, is_retry: bool = False) -> None:
        how = await self._world.stop("Kakao.notify_registered")
        if self.is_away:
            raise KakaoUnavailable("no answer", 1)
        match how:
            case How.CRASH_BEFORE:
                raise Crash
            case How.BUSY:
                raise KakaoBusy("overloaded", 1)
            case How.UNAVAILABLE:
                raise KakaoUnavailable("timeout", 1, may_be_told=True)
            case How.LATER:
                self.later.append((self._world.now + LONGEST_DELAY, customer))
                raise KakaoUnavailable("timeout", 1, may_be_told=True)
        is_refused = not self._tell(customer)
        if how is How.CRASH_AFTER:
            raise Crash
        if how is How.ANSWER_LOST:
            raise KakaoUnavailable("timeout", 1, may_be_told=True)
        if is_refused:
            raise KakaoRefused("no")

    async def was_told(self, customer_id: CustomerId, deadline: Deadline) -> bool:
        how = await self._world.stop("Kakao.was_told")
        if how in (How.CRASH_BEFORE, How.CRASH_AFTER):
            raise Crash
        if how is not How.WELL or self.is_away:
            raise KakaoUnavailable("no answer", 1)
        return customer_id in self.told

    def _tell(self, customer: Customer) -> bool:
        if customer.customer_name == BLOCKED.customer_name:
            return False
        self.told.add(customer.customer_id)
        return True

    def catch_up(self) -> None:
        """Does what was left for later."""
        for due, customer in self.later:
            if due <= self._world.now:
                self._tell(customer)
        self.later = [each for each in self.later if each[0] > self._world.now]
