"""Sweeping with a clock that stands where the test puts it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import uuid7
from shared.domain.outbox import OutboxEvent
from shared.use_cases.marks import Mark
from shared.use_cases.sweeping import (
    EVENTS_A_PAGE,
    EVENTS_A_SECOND,
    LONGEST_SWEEP_SECONDS,
    MINUTES_BETWEEN_SWEEPS,
    SWEPT_AFTER,
    SweepOutbox,
)
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeMarks, FakePublisher, FakeSweptOutbox
from tests.virtual_time import run_virtually, virtual_loop

CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)


@dataclass
class Sweeps:
    """A sweep whose clocks do not move by themselves."""

    outbox: FakeSweptOutbox = field(default_factory=FakeSweptOutbox)
    marks: FakeMarks = field(default_factory=FakeMarks)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    now: datetime = START
    seconds: Callable[[], float] = lambda: 0.0

    def store(self, age: timedelta, count: int = 1) -> list[str]:
        """Stores events of this age; returns their ids in order."""
        ids = [uuid7(self.now - age, number) for number in range(count)]
        for event_id in ids:
            event = CustomerEvent.registered(event_id, CUSTOMER).model_copy(update={"time": self.now - age})
            self.outbox.events.append(OutboxEvent.of(event, traceparent=None, ttl=60))
        return ids

    async def run(self) -> None:
        await self.sweep(self.publisher)()

    def sweep(self, publisher: FakePublisher) -> SweepOutbox:
        return SweepOutbox(self.outbox, self.marks, publisher, lambda: self.now, self.seconds, self.outbox.renew)

    @property
    def sent(self) -> list[str]:
        return [event.id for event in self.publisher.published]


@pytest.fixture
def sweeps() -> Sweeps:
    return Sweeps()


async def test_events_older_than_five_minutes_are_sent_again_in_order(sweeps: Sweeps) -> None:
    sweeps.store(SWEPT_AFTER - timedelta(milliseconds=1))
    [second] = sweeps.store(SWEPT_AFTER + timedelta(milliseconds=1))
    [first] = sweeps.store(SWEPT_AFTER + timedelta(minutes=3))

    await sweeps.run()

    assert sweeps.sent == [first, second]


async def test_each_event_is_swept_once_however_often_the_sweep_runs(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(seconds=1), count=3)
    ids += sweeps.store(SWEPT_AFTER - timedelta(minutes=1))

    for _ in range(4):
        await sweeps.run()
        sweeps.now += timedelta(minutes=MINUTES_BETWEEN_SWEEPS)

    assert sweeps.sent == ids


async def test_an_event_is_swept_while_the_topic_still_knows_what_it_has_seen(sweeps: Sweeps) -> None:
    # The worst case: it is not yet old enough when a sweep runs, and has to wait for the next.
    sweeps.store(SWEPT_AFTER - timedelta(milliseconds=1))
    await sweeps.run()
    stored = sweeps.now - SWEPT_AFTER
    assert sweeps.sent == []

    sweeps.now += timedelta(minutes=MINUTES_BETWEEN_SWEEPS)
    await sweeps.run()

    assert len(sweeps.sent) == 1
    assert sweeps.now - stored <= timedelta(minutes=9)


async def test_an_idle_system_writes_nothing(sweeps: Sweeps) -> None:
    for _ in range(3):
        await sweeps.run()

    assert sweeps.marks.stored == Mark()


@pytest.mark.parametrize("is_live", [True, False])
async def test_an_event_that_has_expired_is_stored_anew_for_a_customer_and_never_sent(
    sweeps: Sweeps, is_live: bool
) -> None:
    [expired] = sweeps.store(UNHANDLED_AFTER)
    [current] = sweeps.store(UNHANDLED_AFTER - timedelta(seconds=1))
    sweeps.outbox.live = {CUSTOMER_ID} if is_live else set()

    await sweeps.run()

    assert sweeps.sent == [current]
    assert sweeps.outbox.renewed == ([expired] if is_live else [])
    assert sweeps.marks.stored.position == current


async def test_many_events_are_sent_in_pages_and_the_mark_moves_after_each(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(minutes=1), count=2 * EVENTS_A_PAGE + 1)

    await sweeps.run()

    assert sweeps.sent == ids
    assert sweeps.outbox.pages == 3
    assert sweeps.marks.stored.position == ids[-1]


def test_many_events_leave_most_of_what_service_bus_takes_to_publishing(sweeps: Sweeps) -> None:
    count = 4 * EVENTS_A_PAGE
    sweeps.store(SWEPT_AFTER + timedelta(seconds=1), count)

    async def seconds_of_a_run() -> float:
        await sweeps.run()
        return virtual_loop().time()

    took = run_virtually(seconds_of_a_run())

    assert len(sweeps.sent) == count
    assert (count - EVENTS_A_PAGE) / EVENTS_A_SECOND <= took <= count / EVENTS_A_SECOND


async def test_what_was_not_sent_is_swept_again(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(minutes=1), count=2)
    sweeps.publisher.failure = PublisherUnavailable("down", 1)
    with pytest.raises(PublisherUnavailable):
        await sweeps.run()
    assert sweeps.marks.stored == Mark()

    sweeps.publisher.failure = None
    await sweeps.run()

    assert sweeps.sent == ids


async def test_a_sweep_ends_in_time_and_the_next_one_continues_it(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(minutes=1), count=3 * EVENTS_A_PAGE)
    sweeps.seconds = lambda: LONGEST_SWEEP_SECONDS * sweeps.outbox.pages

    await sweeps.run()
    assert sweeps.sent == ids[:EVENTS_A_PAGE]

    sweeps.seconds = lambda: 0.0
    await sweeps.run()
    assert sweeps.sent == ids


async def test_of_two_sweeps_at_once_one_ends(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(minutes=1), count=2 * EVENTS_A_PAGE)

    class Overtaken(FakePublisher):
        async def publish_again(self, events: object) -> None:
            sweeps.marks.stored = Mark(ids[-1], "etag of another sweep")

    await sweeps.sweep(Overtaken())()

    assert sweeps.outbox.pages == 1
    assert sweeps.marks.stored == Mark(ids[-1], "etag of another sweep")


async def test_an_unreadable_document_holds_nothing_up(sweeps: Sweeps) -> None:
    sweeps.outbox.unreadable = {uuid7(sweeps.now - timedelta(minutes=10), number) for number in range(EVENTS_A_PAGE)}
    [event] = sweeps.store(timedelta(minutes=9))

    await sweeps.run()

    assert sweeps.sent == [event]


async def test_a_clock_that_goes_back_sweeps_nothing_twice_and_passes_nothing_over(sweeps: Sweeps) -> None:
    ids = sweeps.store(SWEPT_AFTER + timedelta(minutes=1))
    await sweeps.run()

    sweeps.now -= timedelta(hours=1)
    await sweeps.run()
    sweeps.now += timedelta(hours=1, minutes=MINUTES_BETWEEN_SWEEPS)
    ids += sweeps.store(SWEPT_AFTER + timedelta(seconds=1))
    await sweeps.run()

    assert sweeps.sent == ids
