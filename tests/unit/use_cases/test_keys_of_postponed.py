"""What the same Idempotency-Key is answered while a registration is postponed, and after it has ended."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.domain.errors import DomainError, IdempotencyKeyReused, RegistrationEnded
from shared.domain.identifiers import CustomerId
from shared.use_cases.deadline import Deadline
from shared.use_cases.postponing import RegistrationRequest
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import BLOCKED, How
from tests.unit.use_cases.postponing_steps import DAY, postponed, registration_of, run
from tests.unit.use_cases.postponing_world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def answer(world: World, key: str, details: object = YEON) -> object:
    """What the same key is answered now, or the error."""
    answers: list[object] = []

    async def work() -> None:
        try:
            request = RegistrationRequest(YEON if details is YEON else BLOCKED, key)
            answers.append(await world.register(request, Deadline.after(2)))
        except DomainError as error:
            answers.append(error)

    run(world, world.start("again", work))
    return answers[0]


def test_the_same_key_is_answered_by_what_became_of_it(world: World) -> None:
    customer_id = postponed(world, "a")

    assert answer(world, "a") == registration_of(world, customer_id)
    assert isinstance(answer(world, "a", BLOCKED), IdempotencyKeyReused)
    world.settle()
    assert answer(world, "a") == world.partitions.customers[customer_id]


def test_the_key_of_a_withdrawn_one_says_so(world: World) -> None:
    customer_id = postponed(world, "a")
    run(world, world.delete_registration(customer_id))

    ended = answer(world, "a")

    assert isinstance(ended, RegistrationEnded)
    assert ended.status == "withdrawn"


def test_the_key_lives_a_day_beyond_the_end_of_a_registration_that_ends_late(world: World) -> None:
    customer_id = postponed(world, "a", how=How.UNAVAILABLE)
    attempt = world.wait()
    world.pass_time(DAY + timedelta(hours=20))
    run(world, world.deliver(attempt))
    assert world.status(customer_id) == "expired"

    world.pass_time(DAY - timedelta(seconds=1))
    assert isinstance(answer(world, "a"), RegistrationEnded)


def test_a_key_that_first_came_without_the_preference_lives_as_long(world: World) -> None:
    run(world, world.ask(YEON, "a", may_be_postponed=False), How.WELL, How.BUSY)
    customer_id = postponed(world, "a", how=How.UNAVAILABLE)

    world.pass_time(2 * DAY - timedelta(minutes=1))

    assert answer(world, "a") == registration_of(world, customer_id)


def test_as_long_as_there_is_a_key_there_is_its_answer(world: World) -> None:
    """Else the same request would register a customer again who has cancelled."""
    run(world, world.ask(YEON, "a", may_be_postponed=True))
    (customer_id,) = world.partitions.customers
    run(world, world.delete_customer(CustomerId(customer_id)))

    for _ in range(4):
        world.pass_time(timedelta(hours=13))
        run(world, world.ask(YEON, "a", may_be_postponed=True))
        assert customer_id not in world.partitions.customers
