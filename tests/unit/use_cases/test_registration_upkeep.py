"""Ending what has expired and healing what was lost, with clocks that the test moves and in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import PreconditionFailed, PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Attempt, Registration
from shared.use_cases.registration_upkeep import (
    LONGEST_SECONDS,
    LOST_AFTER,
    MOST_A_RUN,
    MOST_A_SECOND,
    SECONDS_BETWEEN_ENDINGS,
    SECONDS_BETWEEN_SWEEPS,
    RegistrationUpkeep,
)
from shared.use_cases.registrations import Lifetimes, ReceivedAttempt, StoredRegistration
from shared.use_cases.trying import KeepRegistrations
from shared.use_cases.withdrawing import KeepKey
from tests.unit.fake_registrations import FakeReservations
from tests.unit.fakes import START, YEON
from tests.unit.use_cases.postponed_simulation import customer
from tests.virtual_time import run_virtually

LIFETIME = timedelta(days=1)


@dataclass
class Stored:
    """Registrations in memory, changed by etag."""

    documents: dict[str, StoredRegistration] = field(default_factory=dict)
    queries: int = 0

    def put(self, registration: Registration) -> StoredRegistration:
        version = (
            int(self.documents[registration.customer_id].etag) if registration.customer_id in self.documents else 0
        )
        stored = StoredRegistration(registration, str(version + 1))
        self.documents[registration.customer_id] = stored
        return stored

    async def replace(self, stored: StoredRegistration, registration: Registration) -> StoredRegistration:
        if self.documents[registration.customer_id].etag != stored.etag:
            raise PreconditionFailed
        return self.put(registration)

    async def due_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        self.queries += 1
        due = [one for one in self.documents.values() if (at := one.registration.due_at) and at < moment]
        return due[:size]

    async def expiring_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
        self.queries += 1
        all_pending = [one for one in self.documents.values() if one.registration.is_pending]
        expired = [one for one in all_pending if (at := one.registration.expires_at) and at < moment]
        return [one for one in expired if not one.registration.may_be_told][:size]

    async def oldest(self) -> datetime | None:
        pending = [one.registration.accepted_at for one in self.documents.values() if one.registration.is_pending]
        return min(pending, default=None)

    async def accept(self, registration: Registration) -> None:
        self.put(registration)

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        return self.documents.get(customer_id)

    async def settle(
        self,
        stored: StoredRegistration,
        registration: Registration,
        events: Sequence[CustomerEvent],
        customer: Customer | None = None,
    ) -> None:
        raise NotImplementedError


@dataclass
class Sent:
    sent: list[Attempt] = field(default_factory=list)
    is_away: bool = False

    async def send(self, attempts: Sequence[Attempt]) -> None:
        if self.is_away:
            raise PublisherUnavailable("Service Bus does not respond.", 1)
        self.sent += attempts

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        raise NotImplementedError

    async def complete(self, received: ReceivedAttempt) -> None:
        raise NotImplementedError


class Scene:
    """Registrations of which nothing was lost yet. The clock moves with virtual time."""

    def __init__(self) -> None:
        self.stored = Stored()
        self.queue = Sent()
        self.oldest: list[datetime | None] = []
        keeper = KeepRegistrations(
            self.stored, KeepKey(FakeReservations(), Lifetimes(LIFETIME, LIFETIME)), self.clock, lambda _: None
        )
        self.upkeep = RegistrationUpkeep(self.stored, self.queue, keeper, self.oldest.append, self.clock, self.seconds)

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds())

    def postpone(self, numbers: range, ago: timedelta, *, may_be_told: bool = False) -> None:
        """Accepted so long before the start, and not tried since: the message was due some seconds later."""
        for number in numbers:
            registration = Registration.postponed(customer(number), YEON, START - ago, LIFETIME)
            self.stored.put(registration.model_copy(update={"may_be_told": may_be_told}))

    def attempt(self, number: int) -> Attempt:
        attempt = self.stored.documents[customer(number)].registration.next_attempt
        assert attempt
        return attempt

    def statuses(self) -> list[str]:
        return [one.registration.status for one in self.stored.documents.values()]


def in_virtual_time(test: Callable[[Scene], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        run_virtually(test(Scene()))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_virtual_time
async def test_what_waits_behind_the_head_of_a_long_queue_is_not_sent_again(scene: Scene) -> None:
    # Three hours of an outage: all were due long ago, and one after the other waits for its turn.
    for hour in range(3):
        scene.postpone(range(100 * hour, 100 * (hour + 1)), timedelta(hours=3 - hour))

    for _ in range(20):
        await scene.upkeep.sweep(scene.attempt(0))
        await asyncio.sleep(SECONDS_BETWEEN_SWEEPS)

    assert scene.queue.sent == []


@in_virtual_time
async def test_what_was_due_long_before_the_head_has_lost_its_message_and_gets_another(scene: Scene) -> None:
    scene.postpone(range(3), timedelta(hours=3))
    scene.postpone(range(3, 6), timedelta(hours=2))
    head = scene.attempt(3)

    await scene.upkeep.sweep(head)

    assert [(sent.customer_id, sent.number) for sent in scene.queue.sent] == [(customer(n), 2) for n in range(3)]
    assert scene.queue.sent == [scene.attempt(n) for n in range(3)]
    assert all(sent.due_at > scene.clock() for sent in scene.queue.sent)


@in_virtual_time
async def test_with_nothing_due_in_two_runs_whoever_is_overdue_gets_another_message(scene: Scene) -> None:
    scene.postpone(range(3), LOST_AFTER + timedelta(minutes=1))
    scene.postpone(range(3, 6), LOST_AFTER - timedelta(minutes=1))

    await scene.upkeep.sweep(None)
    assert scene.queue.sent == []  # a queue that answers nothing once may be out of order
    await asyncio.sleep(10)
    await scene.upkeep.sweep(None)

    assert [sent.customer_id for sent in scene.queue.sent] == [customer(n) for n in range(3)]


@in_virtual_time
async def test_a_head_that_is_due_in_the_future_by_its_own_clock_is_due_now(scene: Scene) -> None:
    scene.postpone(range(1), timedelta(0))
    head = scene.attempt(0).model_copy(update={"due_at": START + timedelta(hours=1)})

    await scene.upkeep.sweep(head)

    assert scene.queue.sent == []


@in_virtual_time
async def test_the_sweep_runs_every_four_minutes(scene: Scene) -> None:
    for _ in range(2 * int(SECONDS_BETWEEN_SWEEPS) // 10):
        await scene.upkeep.sweep(None)
        await asyncio.sleep(10)

    assert scene.stored.queries == 2


@in_virtual_time
async def test_a_great_loss_is_healed_at_a_pace_that_disturbs_nobody(scene: Scene) -> None:
    scene.postpone(range(250), timedelta(hours=3))
    scene.postpone(range(250, 251), timedelta(0))
    head = scene.attempt(250)

    for healed in (MOST_A_RUN, 2 * MOST_A_RUN, 250):
        before = scene.seconds()
        await scene.upkeep.sweep(head)

        assert len(scene.queue.sent) == healed
        assert scene.seconds() - before < LONGEST_SECONDS
        assert scene.seconds() - before >= (healed % MOST_A_RUN or MOST_A_RUN) / MOST_A_SECOND - 0.1
        await asyncio.sleep(10)


@in_virtual_time
async def test_without_service_bus_only_one_has_waited_in_vain(scene: Scene) -> None:
    scene.postpone(range(50), timedelta(hours=3))
    scene.postpone(range(50, 51), timedelta(0))
    scene.queue.is_away = True
    with pytest.raises(PublisherUnavailable):
        await scene.upkeep.sweep(scene.attempt(50))
    assert sum(one.registration.attempt == 2 for one in scene.stored.documents.values()) == 1

    scene.queue.is_away = False
    await asyncio.sleep(10)
    await scene.upkeep.sweep(scene.attempt(50))

    assert len(scene.queue.sent) == 49
    await asyncio.sleep(3600)
    await scene.upkeep.sweep(scene.attempt(50).model_copy(update={"due_at": scene.clock()}))
    assert customer(0) in {sent.customer_id for sent in scene.queue.sent}


@in_virtual_time
async def test_a_registration_that_has_changed_meanwhile_gets_no_second_message(scene: Scene) -> None:
    class Changing(Stored):
        async def due_before(self, moment: datetime, size: int) -> Sequence[StoredRegistration]:
            found = await super().due_before(moment, size)
            for one in found:
                self.put(one.registration.withdrawn(START))
            return found

    scene.stored.__class__ = Changing
    scene.postpone(range(3), timedelta(hours=1))
    scene.postpone(range(3, 4), timedelta(0))

    await scene.upkeep.sweep(scene.attempt(3))

    assert scene.queue.sent == []


@in_virtual_time
async def test_once_a_minute_it_ends_what_has_expired_and_nobody_was_told_of(scene: Scene) -> None:
    scene.postpone(range(2), LIFETIME + timedelta(seconds=1))
    scene.postpone(range(2, 3), LIFETIME + timedelta(seconds=1), may_be_told=True)
    scene.postpone(range(3, 4), LIFETIME - timedelta(seconds=20))

    await scene.upkeep.end_expired_ones()
    assert scene.statuses() == ["expired", "expired", "pending", "pending"]
    await asyncio.sleep(SECONDS_BETWEEN_ENDINGS / 2)
    await scene.upkeep.end_expired_ones()
    assert scene.stored.queries == 1
    await asyncio.sleep(SECONDS_BETWEEN_ENDINGS / 2)
    await scene.upkeep.end_expired_ones()

    assert scene.statuses() == ["expired", "expired", "pending", "expired"]


@in_virtual_time
async def test_it_reports_the_oldest_pending_one_or_none(scene: Scene) -> None:
    await scene.upkeep.end_expired_ones()
    scene.postpone(range(3), timedelta(minutes=5))
    await asyncio.sleep(SECONDS_BETWEEN_ENDINGS)
    await scene.upkeep.end_expired_ones()

    assert scene.oldest == [None, min(one.registration.accepted_at for one in scene.stored.documents.values())]


@in_virtual_time
async def test_many_that_expire_together_end_at_a_pace_that_disturbs_nobody(scene: Scene) -> None:
    scene.postpone(range(150), LIFETIME + timedelta(seconds=1))

    await scene.upkeep.end_expired_ones()
    assert scene.statuses().count("expired") == MOST_A_RUN
    assert scene.seconds() < LONGEST_SECONDS
    await asyncio.sleep(5)
    await scene.upkeep.end_expired_ones()

    assert scene.statuses().count("expired") == 150
