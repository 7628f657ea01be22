"""Postponed registrations with everything that can go wrong: the real use cases, on ports in memory.

An operation stops before each call of a port, and goes on when the test says so, and how: so operations interleave, and
each call can fail before or after it had its effect.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import DomainError, PublisherUnavailable, StoreUnavailable
from shared.domain.identifiers import CustomerId, uuid7
from shared.domain.registration import Attempt
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.claiming import ClaimRegistration
from shared.use_cases.deadline import Deadline
from shared.use_cases.looking_up import LookUpRegistration
from shared.use_cases.postponing import Answer, PostponeRegistration, RegistrationRequest
from shared.use_cases.registering import RegisterCustomer
from shared.use_cases.trying import KeepRegistrations, Outcome, TryRegistration
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from tests.unit.fake_registrations import HELD_FOR, FakeClaims, FakeRegistrations
from tests.unit.fakes import LIFETIMES, START, FakeMetrics
from tests.unit.use_cases.postponing_ports import (
    LONGEST_DELAY,
    Crash,
    Gate,
    How,
    Kakao,
    Partitions,
    Queue,
    Reservations,
)
from tests.virtual_time import VirtualLoop

SECONDS: Final = 2
# An operation has ended by then, and what it asked of kakao LONGEST_DELAY later: together less than KNOWN_AFTER.
LONGEST_OPERATION: Final = timedelta(seconds=10)
SWEPT_AFTER: Final = timedelta(minutes=10)


@dataclass
class Operation:
    """`stopped`: before which call of a port it waits."""

    name: str
    started: datetime
    task: asyncio.Task[Any] | None = None
    stopped: asyncio.Future[How] | None = None
    call: str = ""

    @property
    def is_running(self) -> bool:
        return self.stopped is None and self.task is not None and not self.task.done()


@dataclass
class Seen:
    """What clients were answered, by customer id, and under which key."""

    registered: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    of_key: dict[str, set[str]] = field(default_factory=dict)
    overdue: set[str] = field(default_factory=set)


class World:
    """The system, and the clients that use it."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.now = START
        self._ids = 0
        self.operations: list[Operation] = []
        self.partitions = Partitions(self.clock)
        self.queue = Queue(self.clock)
        self.kakao = Kakao(self)
        self.keys = Reservations(self.clock)
        self.claims = FakeClaims()
        self.late_calls: list[Callable[[], Coroutine[Any, Any, Any]]] | None = None
        self.seen = Seen()
        self.metrics = FakeMetrics()
        self._build()

    def _build(self) -> None:
        def away() -> DomainError:
            return StoreUnavailable("away", 1)

        self.fake_registrations = FakeRegistrations(self.partitions)
        registrations: Any = Gate(self, self.fake_registrations, away)
        customers: Any = Gate(self, self.partitions, away)
        keys: Any = Gate(self, self.keys, away)
        self.gated_queue: Any = Gate(self, self.queue, lambda: PublisherUnavailable("away", 1))
        keep_key = KeepKey(keys, LIFETIMES)
        clock, new_id, metrics = self.clock, self.new_id, self.metrics
        gated_claims: Any = Gate(self, self.claims, away)
        claims = ClaimRegistration(gated_claims, registrations, customers, HELD_FOR, self.claim_clock)
        self.postpone = PostponeRegistration(registrations, keys, claims, LIFETIMES, clock, new_id, metrics)
        self.register = RegisterCustomer(self.kakao, customers, self.postpone, clock, new_id, metrics)
        look_up = LookUpRegistration(registrations, customers)
        self.withdraw = WithdrawRegistration(registrations, look_up, keep_key, clock, metrics.count_ended)
        self.cancel = CancelRegistration(customers, self.withdraw, clock, new_id, metrics.count_cancellation)
        self.try_registration = TryRegistration(
            registrations, self.gated_queue, self.kakao, keep_key, clock, new_id, metrics, SECONDS
        )
        self.keep = KeepRegistrations(registrations, keep_key, clock, metrics.count_ended)

    def clock(self) -> datetime:
        return self.now

    def claim_clock(self) -> datetime:
        return self.now

    def new_id(self) -> str:
        self._ids += 1
        return uuid7(self.now, self._ids)

    # Operations

    async def stop(self, call: str) -> How:
        """Waits until the test lets the current operation go on."""
        operation = next(each for each in self.operations if each.task is asyncio.current_task())
        operation.stopped, operation.call = self.loop.create_future(), call
        try:
            return await operation.stopped
        finally:
            operation.stopped = None

    def start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> Operation:
        """Starts an operation and runs it up to its first call of a port."""
        operation = Operation(name, self.now)

        async def guarded() -> None:
            with suppress(Crash, DomainError):  # what a client has learned was noted where it was answered
                await work()

        operation.task = self.loop.create_task(guarded())
        self.operations.append(operation)
        self._run()
        return operation

    def go_on(self, operation: Operation, how: How = How.WELL) -> None:
        """Makes the call before which it stopped, and runs it up to the next."""
        if operation.stopped and not operation.stopped.done():
            operation.stopped.set_result(how)
            self._run()

    def finish(self) -> None:
        """Lets all operations end well, in turns."""
        while self.operations:
            for operation in list(self.operations):
                self.go_on(operation)

    def _run(self) -> None:
        async def until_all_stop() -> None:
            while any(each.is_running for each in self.operations):  # noqa: ASYNC110 - virtual time must pass
                await asyncio.sleep(0.02)

        self.loop.run_until_complete(until_all_stop())
        for operation in [each for each in self.operations if each.task and each.task.done()]:
            self.operations.remove(operation)
            if operation.task:
                operation.task.result()

    def kill(self, operation: Operation) -> None:
        """The process crashes where it is."""
        if operation.task:
            operation.task.cancel()
            self.loop.run_until_complete(asyncio.wait([operation.task]))
            self.operations.remove(operation)

    def close(self) -> None:
        for operation in list(self.operations):
            self.kill(operation)
        self.loop.close()

    # What clients do

    def ask(self, details: CustomerDetails, key: str | None, *, may_be_postponed: bool) -> Operation:
        """POST /customers."""
        request = RegistrationRequest(details, key, may_be_postponed)

        async def work() -> None:
            self._note(key, await self.register(request, Deadline.after(SECONDS)))

        return self.start("register", work)

    def ask_when_refused(self, details: CustomerDetails, key: str | None) -> Operation:
        """POST /customers, with the preference, which admission refuses."""
        request = RegistrationRequest(details, key, may_be_postponed=True)

        async def work() -> None:
            self._note(key, await self.postpone(request, Deadline.after(SECONDS)))

        return self.start("postpone", work)

    def _note(self, key: str | None, answer: Answer) -> None:
        if isinstance(answer, Customer):
            self.seen.registered.add(answer.customer_id)
        if key is not None and key in self.keys.reservations:
            self.seen.of_key.setdefault(key, set()).add(answer.customer_id)

    def delete_registration(self, customer_id: CustomerId) -> Operation:
        async def work() -> None:
            await self.withdraw(customer_id)
            self.seen.gone.add(customer_id)

        return self.start("withdraw", work)

    def delete_customer(self, customer_id: CustomerId) -> Operation:
        async def work() -> None:
            await self.cancel(customer_id)
            self.seen.gone.add(customer_id)

        return self.start("cancel", work)

    # What the system does by itself

    def deliver(self, attempt: Attempt) -> Operation:
        """Tries, and completes the message. Also a late copy."""

        async def work() -> None:
            outcome = await self.try_registration(attempt)
            assert isinstance(outcome, Outcome)
            self.queue.messages.pop(attempt.message_id, None)

        return self.start("try", work)

    def publish(self) -> None:
        """What event-publisher does with the attempts in the outbox."""
        attempts, self.partitions.attempts = self.partitions.attempts, []
        self.loop.run_until_complete(self.queue.send(attempts))

    def sweep(self) -> Operation:
        async def work() -> None:
            for stored in await self.fake_registrations.due_before(self.now - SWEPT_AFTER, 100):
                if attempt := await self.keep.renew(stored):
                    await self.gated_queue.send([attempt])
            for stored in await self.fake_registrations.expiring_before(self.now, 100):
                await self.keep.expire(stored)

        return self.start("sweep", work)

    def pass_time(self, duration: timedelta) -> None:
        """No operation lasts longer than LONGEST_OPERATION."""
        for operation in list(self.operations):
            if self.now + duration > operation.started + LONGEST_OPERATION:
                self.kill(operation)
        self.now += duration
        self.kakao.catch_up()
        self.partitions.expire()
        self.keys.expire()

    def wait(self) -> Attempt:
        """Until the first message is due."""
        self.publish()
        attempt = min(self.queue.messages.values(), key=lambda each: each.due_at)
        self.pass_time(max(timedelta(), attempt.due_at - self.now))
        return attempt

    def status(self, customer_id: str) -> str:
        return self.partitions.registrations[customer_id].registration.status

    def settle(self) -> None:
        """Nothing fails any more, until nothing is left to do."""
        self.kakao.is_away = False
        self.finish()
        for _ in range(50):
            self.publish()
            for attempt in self.queue.due():
                self.deliver(attempt)
            self.sweep()
            self.finish()
            if not any(each.registration.due_at for each in self.partitions.registrations.values()):
                break
            self.pass_time(timedelta(minutes=6))
        else:
            raise AssertionError("something is left to do for ever")
        self.pass_time(LONGEST_DELAY)

    # What must be true

    def check_always(self) -> None:
        """After each step."""
        store = self.partitions
        assert not store.customers.keys() & self.seen.gone, "a customer exists after a deletion was answered"
        for customer_id in store.customers:
            assert customer_id in self.kakao.told, "a customer exists whom kakao has not told"
        for customer_id, stored in store.registrations.items():
            registration = stored.registration
            if registration.is_to_be_forgotten(self.clock()):
                self.seen.overdue.add(customer_id)
            if registration.due_at is None:
                assert registration.details is None, "an ended registration holds details"
            if registration.is_pending:
                assert registration.due_at, "a pending registration that no sweep finds"
                assert customer_id not in store.customers, "a pending registration has a customer"
            else:
                before = self.seen.ended.setdefault(customer_id, registration.status)
                assert before == registration.status, "a registration ended twice"
        for event_type in ("CustomerRegistered", "CustomerRegisterCanceled"):
            ids = [event.subject for event in store.outbox if event.type == event_type]
            assert len(ids) == len(set(ids)), f"two {event_type} of one customer"

    def check_in_the_end(self) -> None:
        """After everything has settled."""
        self.check_always()
        store = self.partitions
        registered = {event.subject for event in store.outbox if event.type == "CustomerRegistered"}
        canceled = {event.subject for event in store.outbox if event.type == "CustomerRegisterCanceled"}
        assert store.customers.keys() <= registered
        assert registered <= self.kakao.told, "an event of somebody whom kakao has not told"
        assert registered == store.customers.keys() | canceled
        assert canceled.isdisjoint(store.customers)
        # Whoever crashed before anything was stored was promised nothing, and his id is known to nobody. Whom kakao did
        # not say anything about for days had to be forgotten.
        known = (store.ever - self.seen.overdue) | registered
        assert self.kakao.told & known <= registered, "kakao has told somebody who is not registered"
        assert self.seen.registered <= registered
        for customer_id, status in self.seen.ended.items():
            if status in ("expired", "refused"):
                assert customer_id not in registered, f"{status}, and registered"
            if status == "withdrawn":
                assert (customer_id in registered) == (customer_id in canceled)
                assert customer_id not in store.customers
            if status == "registered":
                assert customer_id in registered
