"""Messages about people who never became customers, with clocks that stand where the test puts them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import PreconditionFailed, StoreUnavailable
from shared.domain.forgetting import FORGET_AFTER
from shared.domain.identifiers import CustomerId
from shared.domain.record import rfc3339
from shared.use_cases.forgetting_strangers import (
    MESSAGES_A_PAGE,
    MESSAGES_A_SECOND,
    UNKNOWN_AFTER,
    ForgetStrangers,
    SentMessage,
)
from shared.use_cases.marks import Mark
from tests.unit.fakes import START, YEON, FakeMarks
from tests.virtual_time import run_virtually, virtual_loop

SECOND = timedelta(seconds=1)


@dataclass
class World:
    """`customers`: who is registered. `messages`: those that were sent. `forgotten`: whose messages were stripped."""

    customers: set[str] = field(default_factory=set)
    messages: list[SentMessage] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    marks: FakeMarks = field(default_factory=FakeMarks)
    time: datetime = START
    failure: StoreUnavailable | None = None

    def send(self, name: str, age: timedelta, *, is_to_look_for: bool = True) -> None:
        self.messages.append(SentMessage(f"{rfc3339(START - age)}.{name}", CustomerId(name), is_to_look_for))

    async def now(self) -> datetime:
        return self.time

    async def get(self, customer_id: CustomerId) -> Customer | None:
        return Customer.register(customer_id, YEON, START) if customer_id in self.customers else None

    async def sent_between(self, after: str, before: str, size: int) -> Sequence[SentMessage]:
        ordered = sorted(self.messages, key=lambda message: message.position)
        return [message for message in ordered if after < message.position < before][:size]

    async def forget(self, customer_id: CustomerId) -> None:
        if self.failure:
            raise self.failure
        self.forgotten.append(customer_id)

    async def run(self) -> None:
        await ForgetStrangers(self, self, self.marks, self, lambda: 0.0)()


async def test_who_never_became_a_customer_is_forgotten_within_the_five_days() -> None:
    world = World(customers={"customer"})
    for name in ("customer", "stranger", "another"):
        world.send(name, UNKNOWN_AFTER + SECOND)
    world.send("recent", UNKNOWN_AFTER - SECOND)

    await world.run()

    assert world.forgotten == ["another", "stranger"]
    assert UNKNOWN_AFTER + timedelta(hours=12) < FORGET_AFTER
    world.time += timedelta(seconds=2)
    await world.run()
    assert world.forgotten == ["another", "stranger", "recent"]


async def test_what_tells_nothing_or_is_a_notice_costs_no_look() -> None:
    world = World()
    world.send("stripped", UNKNOWN_AFTER + SECOND, is_to_look_for=False)

    await world.run()

    assert world.forgotten == []
    assert world.marks.stored.position.endswith(".stripped")


async def test_who_could_not_be_forgotten_is_next_time() -> None:
    world = World(failure=StoreUnavailable("away", 1))
    world.send("stranger", UNKNOWN_AFTER + SECOND)
    with pytest.raises(StoreUnavailable):
        await world.run()
    assert world.marks.stored == Mark()

    world.failure = None
    await world.run()

    assert world.forgotten == ["stranger"]


async def test_a_run_that_is_slower_than_another_ends() -> None:
    world = World()
    for number in range(MESSAGES_A_PAGE + 1):
        world.send(f"stranger {number:03}", UNKNOWN_AFTER + SECOND)

    async def moved(mark: Mark, position: str) -> Mark:
        raise PreconditionFailed("moved")

    world.marks.move = moved  # type: ignore[method-assign]
    await world.run()

    assert len(world.forgotten) == MESSAGES_A_PAGE


def test_many_are_looked_for_at_a_pace_that_leaves_the_database_to_customers() -> None:
    world = World()
    for number in range(3 * MESSAGES_A_PAGE):
        world.send(f"stranger {number:03}", UNKNOWN_AFTER + SECOND)

    async def run() -> float:
        started = virtual_loop().time()
        await world.run()
        return virtual_loop().time() - started

    assert run_virtually(run()) == pytest.approx(3 * MESSAGES_A_PAGE / MESSAGES_A_SECOND)
    assert len(set(world.forgotten)) == 3 * MESSAGES_A_PAGE
