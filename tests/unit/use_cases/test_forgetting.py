"""The timers that make sure of it, with clocks that stand where the test puts them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.cancellation import Cancellation
from shared.domain.claim import Claim
from shared.domain.customer import Customer
from shared.domain.errors import StoreUnavailable
from shared.domain.forgetting import SETTLED_AFTER
from shared.domain.identifiers import CustomerId, uuid7
from shared.domain.registration import Registration
from shared.use_cases.claiming import StoredClaim
from shared.use_cases.forgetting import (
    CANCELLATIONS_A_PAGE,
    CANCELLATIONS_A_SECOND,
    CancellationPage,
    FollowCancellations,
)
from shared.use_cases.forgetting_claims import (
    ABANDONED_AFTER,
    CLAIMS_A_PAGE,
    CYCLE,
    PREFIX,
    ForgetClaim,
    IdentifiedClaim,
    RemoveEndedClaims,
)
from shared.use_cases.marks import Mark
from tests.unit.fake_registrations import FakeCustomers, FakeRegistrations
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeDatabaseClock, FakeMarks
from tests.virtual_time import run_virtually, virtual_loop

LIFETIME = timedelta(days=5)
CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START)


@dataclass
class FakePages:
    """Cancellations by the ids of their events."""

    cancellations: dict[str, Cancellation] = field(default_factory=dict)
    pages: int = 0

    def add(self, age: timedelta, number: int = 1) -> str:
        event_id = uuid7(START - age, number)
        self.cancellations[event_id] = Cancellation(
            customer_id=CustomerId(f"customer {event_id}"), event_id=event_id, version=2, canceled_at=START - age
        )
        return event_id

    async def page(self, after: str, before: str, size: int) -> CancellationPage:
        self.pages += 1
        ids = sorted(each for each in self.cancellations if after < each < before)[:size]
        found = [self.cancellations[each] for each in ids]
        return CancellationPage(found, ids[-1] if ids else None, is_last=len(ids) < size)


@dataclass
class Following:
    pages: FakePages = field(default_factory=FakePages)
    marks: FakeMarks = field(default_factory=FakeMarks)
    clock: FakeDatabaseClock = field(default_factory=FakeDatabaseClock)
    forgotten: list[str] = field(default_factory=list)
    ages: list[datetime] = field(default_factory=list)
    failure: StoreUnavailable | None = None

    async def run(self) -> None:
        async def forget(cancellation: Cancellation) -> None:
            if self.failure:
                raise self.failure
            self.forgotten.append(cancellation.event_id)

        await FollowCancellations(self.pages, self.marks, self.clock, forget, self.ages.append, lambda: 0.0)()


async def test_who_has_cancelled_is_forgotten_once_after_ten_minutes() -> None:
    following = Following()
    second = following.pages.add(SETTLED_AFTER + timedelta(seconds=1))
    first = following.pages.add(SETTLED_AFTER + timedelta(days=2))
    too_early = following.pages.add(SETTLED_AFTER - timedelta(seconds=1))

    await following.run()
    await following.run()
    assert following.forgotten == [first, second]

    following.clock.time += timedelta(seconds=2)
    await following.run()
    assert following.forgotten == [first, second, too_early]
    assert len(following.ages) == 3


async def test_who_could_not_be_forgotten_is_next_time() -> None:
    following = Following(failure=StoreUnavailable("away", 1))
    event_id = following.pages.add(timedelta(days=1))
    with pytest.raises(StoreUnavailable):
        await following.run()
    assert following.marks.stored == Mark()

    following.failure = None
    await following.run()

    assert following.forgotten == [event_id]


async def test_without_cancellations_nothing_is_written() -> None:
    following = Following()

    await following.run()

    assert following.marks.stored == Mark()


def test_many_are_forgotten_at_a_pace_that_leaves_the_database_to_customers() -> None:
    following = Following()
    count = 3 * CANCELLATIONS_A_PAGE
    for number in range(count):
        following.pages.add(timedelta(days=1), number)

    async def seconds_of_a_run() -> float:
        await following.run()
        return virtual_loop().time()

    took = run_virtually(seconds_of_a_run())

    assert len(following.forgotten) == count
    assert took >= (count - CANCELLATIONS_A_PAGE) / CANCELLATIONS_A_SECOND


async def test_of_two_runs_at_once_one_ends() -> None:
    following = Following()
    for number in range(2 * CANCELLATIONS_A_PAGE):
        following.pages.add(timedelta(days=1), number)

    async def move(mark: Mark, position: str) -> Mark:
        following.marks.stored = Mark(position, "of another run")
        return await FakeMarks.move(following.marks, mark, position)

    following.marks.move = move  # type: ignore[method-assign]
    await following.run()

    assert following.pages.pages == 1


@dataclass
class FakeEndedClaims:
    claims: dict[str, StoredClaim] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)

    def add(
        self, claim_id: str, registration_id: CustomerId = CUSTOMER_ID, age: timedelta = 2 * ABANDONED_AFTER
    ) -> str:
        claim = Claim(registration_id=registration_id, held_until=START - age)
        self.claims[claim_id] = StoredClaim(claim, "etag")
        return claim_id

    async def find(self, claim_id: str) -> StoredClaim | None:
        return self.claims.get(claim_id)

    async def page(self, after: str, until: str, size: int) -> Sequence[IdentifiedClaim]:
        ids = sorted(each for each in self.claims if after < each <= until)[:size]
        return [IdentifiedClaim(each, self.claims[each]) for each in ids]

    async def remove(self, claim_id: str, stored: StoredClaim) -> None:
        if self.claims.get(claim_id) == stored:
            del self.claims[claim_id]

    async def forget_claim(self, customer_id: CustomerId) -> None:
        self.forgotten.append(customer_id)


@pytest.mark.parametrize("is_own", [True, False])
async def test_the_claim_of_who_has_cancelled_is_removed_unless_it_names_a_newer_registration(is_own: bool) -> None:
    claims = FakeEndedClaims()
    claims.add("owner.1", CUSTOMER_ID if is_own else CustomerId("a newer one"))
    cancellation = Cancellation(
        customer_id=CUSTOMER_ID, event_id="event", version=2, canceled_at=START, claim_id="owner.1"
    )

    await ForgetClaim(claims, claims)(cancellation)

    assert ("owner.1" in claims.claims) == (not is_own)
    assert claims.forgotten == [CUSTOMER_ID]


async def test_nobody_looks_for_a_claim_that_a_cancellation_does_not_name() -> None:
    claims = FakeEndedClaims()

    await ForgetClaim(claims, claims)(
        Cancellation(customer_id=CUSTOMER_ID, event_id="event", version=2, canceled_at=START)
    )

    assert claims.forgotten == []


@dataclass
class Cycle:
    """Runs every `step`."""

    claims: FakeEndedClaims = field(default_factory=FakeEndedClaims)
    partitions: FakeCustomers = field(default_factory=FakeCustomers)
    marks: FakeMarks = field(default_factory=FakeMarks)
    now: datetime = START

    async def run(self, passing: timedelta, step: timedelta = timedelta(hours=1)) -> None:
        remove = RemoveEndedClaims(
            self.claims,
            self.partitions,
            FakeRegistrations(self.partitions),
            self.marks,
            lambda: self.now,
            lambda: 0.0,
        )
        end = self.now + passing
        while self.now < end:
            await remove()
            self.now += step


def claim_ids(number: int) -> list[str]:
    """Spread evenly, as digests are."""
    return [f"{PREFIX}{int(each / number * 16**8):08x}{'0' * 56}" for each in range(number)]


def registration(status: str) -> Registration:
    pending = Registration.postponed(CUSTOMER_ID, YEON, START, timedelta(days=1))
    return {
        "pending": pending,
        "withdrawn": pending.withdrawn(START),
        "expired": pending.expired(),
        "first answer": Registration.answered(CUSTOMER),
    }[status]


@pytest.mark.parametrize("ended", ["withdrawn", "expired", "first answer", None])
async def test_claims_without_a_registration_are_removed_within_two_days(ended: str | None) -> None:
    cycle = Cycle()
    for claim_id in claim_ids(40):
        cycle.claims.add(claim_id)
    if ended:
        cycle.partitions.store(registration(ended))
    into_the_cycle = (START - datetime.fromtimestamp(0, UTC)) % CYCLE
    cycle.now = START + CYCLE - into_the_cycle

    await cycle.run(CYCLE / 2)
    left = len(cycle.claims.claims)
    assert 10 <= left <= 30  # at an even pace
    await cycle.run(CYCLE)

    assert cycle.claims.claims == {}


async def test_claims_of_customers_and_of_pending_and_new_registrations_stay() -> None:
    cycle = Cycle()
    [customer, pending, new] = claim_ids(3)
    cycle.partitions.customers[CUSTOMER_ID] = CUSTOMER
    cycle.claims.add(customer)
    other = CustomerId("another")
    cycle.partitions.store(registration("pending").model_copy(update={"customer_id": other}))
    cycle.claims.add(pending, other)
    cycle.claims.add(new, CustomerId("not stored yet"), age=-3 * CYCLE)

    await cycle.run(2 * CYCLE)

    assert set(cycle.claims.claims) == {customer, pending, new}


async def test_a_claim_whose_registration_succeeds_just_now_stays() -> None:
    cycle = Cycle()
    cycle.claims.add(claim_ids(1)[0])

    class Registering(FakeRegistrations):
        async def find(self, customer_id: CustomerId) -> None:
            cycle.partitions.customers[CUSTOMER_ID] = CUSTOMER

    remove = RemoveEndedClaims(
        cycle.claims, cycle.partitions, Registering(cycle.partitions), cycle.marks, lambda: START, lambda: 0.0
    )
    await remove()

    assert len(cycle.claims.claims) == 1


async def test_the_first_run_after_a_pause_looks_at_what_is_due_and_the_next_goes_on() -> None:
    cycle = Cycle()
    for claim_id in claim_ids(3 * CLAIMS_A_PAGE):
        cycle.claims.add(claim_id)
    await cycle.run(timedelta(hours=1))

    cycle.now += CYCLE * 10 + timedelta(hours=7)
    await cycle.run(CYCLE)

    assert cycle.claims.claims == {}
