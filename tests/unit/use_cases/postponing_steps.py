"""Steps of a postponed registration, for tests of one course of events at a time."""

from datetime import timedelta

from shared.domain.identifiers import CustomerId
from shared.domain.registration import Registration
from tests.unit.fakes import YEON
from tests.unit.use_cases.postponing_ports import How
from tests.unit.use_cases.postponing_world import Operation, World

DAY = timedelta(hours=24)


def run(world: World, operation: Operation, *hows: How) -> None:
    """The calls of the operation go like this, and those after them well."""
    for how in hows:
        world.go_on(operation, how)
    while operation in world.operations:
        world.go_on(operation)


def run_until(world: World, operation: Operation, call: str, how: How = How.WELL) -> None:
    """Up to this call, which goes like this."""
    while operation.call != call:
        world.go_on(operation)
    world.go_on(operation, how)


def postponed(world: World, key: str | None = None, how: How = How.BUSY) -> CustomerId:
    """The id of a registration that kakao did not take at first."""
    operation = world.ask(YEON, key, may_be_postponed=True)
    run_until(world, operation, "Kakao.notify_registered", how)
    run(world, operation)
    return CustomerId(next(iter(world.partitions.registrations)))


def registration_of(world: World, customer_id: CustomerId) -> Registration:
    return world.partitions.registrations[customer_id].registration
