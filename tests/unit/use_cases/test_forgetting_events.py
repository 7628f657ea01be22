"""What is removed once it has expired, and what is stored anew before it does."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import uuid7
from shared.domain.outbox import OutboxEvent
from shared.use_cases.marks import Mark
from shared.use_cases.projecting import MoveView
from shared.use_cases.removing_expired import ExpiredMessage, RebuildView, Removal, RemoveExpired
from shared.use_cases.renewing import RENEWED_AFTER, RenewOutbox
from tests.unit.fake_registrations import FakeCustomers
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeDatabaseClock, FakeMarks, FakeSweptOutbox, FakeViews

LIFETIME = timedelta(days=5)
CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)


@dataclass
class FakePlace:
    name: str
    messages: list[ExpiredMessage] = field(default_factory=list)
    failure: PublisherUnavailable | None = None

    async def remove_expired(self, now: datetime, before_removal: Removal) -> int:
        if self.failure:
            raise self.failure
        for message in self.messages:
            await before_removal(message)
        return len(self.messages)


async def test_every_expired_message_is_settled_counted_and_told_without_a_word_about_the_person(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settled: list[ExpiredMessage] = []
    counted: list[str] = []

    async def settle(message: ExpiredMessage) -> None:
        settled.append(message)

    places = [
        FakePlace("one", [ExpiredMessage(CUSTOMER_ID, "CustomerUpdated event 2")]),
        FakePlace("two", [ExpiredMessage(None)]),
    ]
    await RemoveExpired(places, FakeDatabaseClock(), settle, counted.append)()

    assert [message.customer_id for message in settled] == [CUSTOMER_ID, None]
    assert counted == ["one", "two"]
    assert [record.getMessage() for record in caplog.records] == [
        "expired, and removed from one: CustomerUpdated event 2",
        "expired, and removed from two: unreadable message",
    ]


@pytest.mark.parametrize("is_live", [True, False])
async def test_the_view_of_a_customer_is_made_anew_and_that_of_a_cancelled_one_is_not(is_live: bool) -> None:
    partitions, views = FakeCustomers(), FakeViews()
    corrected = CUSTOMER.corrected(CUSTOMER.model_copy(update={"customer_age": 21}), START)
    if is_live:
        partitions.customers[CUSTOMER_ID] = corrected
    rebuild = RebuildView(partitions, MoveView(views))

    for message in (ExpiredMessage(CUSTOMER_ID), ExpiredMessage(CUSTOMER_ID), ExpiredMessage(None)):
        await rebuild(message)

    assert [stored.view for stored in views.views.values()] == ([CustomerView.of(corrected)] if is_live else [])
    assert views.writes == int(is_live)


async def test_a_view_that_is_further_than_the_write_model_stays() -> None:
    partitions, views = FakeCustomers({CUSTOMER_ID: CUSTOMER}), FakeViews()
    canceled = CustomerView.canceled(
        Cancellation(customer_id=CUSTOMER_ID, event_id="event", version=2, canceled_at=START)
    )
    await views.add(canceled)

    await RebuildView(partitions, MoveView(views))(ExpiredMessage(CUSTOMER_ID))

    view = views.views[CUSTOMER_ID].view
    assert view == canceled.model_copy(update={"registered_at": CUSTOMER.registered_at})


@dataclass
class Renewing:
    outbox: FakeSweptOutbox = field(default_factory=FakeSweptOutbox)
    marks: FakeMarks = field(default_factory=FakeMarks)
    clock: FakeDatabaseClock = field(default_factory=FakeDatabaseClock)

    def store(self, event: CustomerEvent, age: timedelta) -> str:
        event = event.model_copy(update={"id": uuid7(START - age, 1)})
        self.outbox.events.append(OutboxEvent.of(event, None, 60))
        return event.id

    async def run(self) -> None:
        await RenewOutbox(self.outbox, self.marks, self.clock, lambda: 0.0, LIFETIME)()


OLD = LIFETIME * RENEWED_AFTER + timedelta(minutes=1)
REGISTERED = CustomerEvent.registered("event 1", CUSTOMER)


async def test_what_was_not_published_for_days_is_stored_anew_for_customers_only() -> None:
    for renewed in (True, False):
        renewing = Renewing(FakeSweptOutbox(live={CUSTOMER_ID} if renewed else set()))
        old = renewing.store(REGISTERED, OLD)
        renewing.store(REGISTERED, OLD - timedelta(minutes=2))
        renewing.store(CustomerEvent.canceled("event 2", CUSTOMER, START), OLD + timedelta(minutes=1))

        await renewing.run()

        assert renewing.outbox.renewed == ([old] if renewed else [])
        assert renewing.marks.stored == Mark()


async def test_what_the_sweep_has_sent_is_not_even_read() -> None:
    renewing = Renewing(FakeSweptOutbox(live={CUSTOMER_ID}))
    renewing.store(REGISTERED, OLD)
    renewing.marks.stored = Mark(uuid7(START - timedelta(minutes=9), 0), "etag")

    await renewing.run()

    assert (renewing.outbox.pages, renewing.outbox.renewed) == (0, [])


async def test_there_is_time_for_failures_before_an_event_leaves_the_outbox() -> None:
    # Two days of failing runs, and whatever the clocks of apps and database differ by.
    assert timedelta(days=2) <= LIFETIME * (1 - RENEWED_AFTER)
