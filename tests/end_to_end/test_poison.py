"""A batch with messages that cannot be handled, and a batch that is held through an outage."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local_azure.stack import Stack
from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7
from shared.resources import CUSTOMER_VIEWS, EVENTS_SET_ASIDE, TOPIC, VIEW_UPDATER
from tests.unit.fakes import START, YEON
from tools.delivery import redrive
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.local_system import LocalSystem
from tools.play.waiting import EVENT_SECONDS, wait_until

BATCH = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["serviceBus"]["maxMessageBatchSize"]
RETRY_SECONDS = 8  # enough to start the database again on a busy machine

# In one worker: all of them share a stack.
pytestmark = pytest.mark.xdist_group("poison")


@pytest.fixture(scope="module")
def impatient_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A delivery that gives up after eight seconds instead of thirty."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BATCH_RETRY_SECONDS", str(RETRY_SECONDS))
        environment.setenv("COSMOS_TIMEOUT_SECONDS", "1")
        with Stack.start(LOCAL_AZURE_SETTINGS, tmp_path_factory.mktemp("stack")) as stack:
            yield stack


@pytest.fixture
async def system(impatient_stack: Stack) -> AsyncIterator[LocalSystem]:
    async with LocalSystem.of(impatient_stack) as system:
        yield system


def events(number: int) -> list[CustomerEvent]:
    customers = [Customer.register(CustomerId(new_uuid7()), YEON, START) for _ in range(number)]
    return [CustomerEvent.registered(new_uuid7(), customer) for customer in customers]


def message_of(event: CustomerEvent) -> ServiceBusMessage:
    return ServiceBusMessage(event.model_dump_json(by_alias=True), message_id=event.id, subject=event.type)


async def send(system: LocalSystem, messages: Sequence[ServiceBusMessage]) -> None:
    async with connected(system) as client, client.get_topic_sender(TOPIC) as topic:
        await topic.send_messages(list(messages))


async def waiting(system: LocalSystem) -> list[str]:
    """The messages in view-updater's subscription."""
    async with connected(system) as client, client.get_subscription_receiver(TOPIC, VIEW_UPDATER) as receiver:
        return await notes_of(receiver)


async def dead(system: LocalSystem) -> list[str]:
    """Its dead letters."""
    part = ServiceBusSubQueue.DEAD_LETTER
    async with (
        connected(system) as client,
        client.get_subscription_receiver(TOPIC, VIEW_UPDATER, sub_queue=part) as receiver,
    ):
        return await notes_of(receiver)


async def aside(system: LocalSystem) -> list[str]:
    """What was put aside."""
    async with connected(system) as client, client.get_queue_receiver(EVENTS_SET_ASIDE) as receiver:
        return await notes_of(receiver)


async def notes_of(receiver: ServiceBusReceiver) -> list[str]:
    """The application properties of each message."""
    return [str(message.application_properties) for message in await receiver.peek_messages(100, sequence_number=1)]


def connected(system: LocalSystem) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(system.stack.connection_string("service_bus"))


async def wait_for_views(system: LocalSystem, wanted: Sequence[CustomerEvent], seconds: float = EVENT_SECONDS) -> None:
    async def all_there() -> bool:
        ids = await system.query(CUSTOMER_VIEWS, "SELECT VALUE c.id FROM c")
        return {event.subject for event in wanted} <= set(ids)

    await wait_until(all_there, "every view exists", seconds)


def failed_batches(system: LocalSystem) -> int:
    return len(re.findall(r"function=view-updater .* failed", system.stack.log("customerview")))


def attempts(system: LocalSystem) -> list[int]:
    """The numbers of the attempts that failed, in their order."""
    found = re.findall(r"attempt (\d+): The database does not respond", system.stack.log("customerview"))
    return [int(number) for number in found]


async def test_poison_in_a_batch_lies_aside_with_its_reason_and_the_others_have_their_views(
    system: LocalSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    good = events(BATCH - 3)
    unknown = good[0].model_dump_json(by_alias=True).replace("CustomerRegistered", "CustomerMoved")
    poison = [ServiceBusMessage(body) for body in ("", '{"customerName": "yeon"', unknown)]

    await send(system, [*map(message_of, good[:10]), *poison, *map(message_of, good[10:])])

    await wait_for_views(system, good)

    async def all_aside() -> bool:
        return len(await aside(system)) == len(poison)

    await wait_until(all_aside, "the poison lies aside")
    for notes in await aside(system):
        assert "UnreadableEvent" in notes
        assert "yeon" not in notes
    await wait_until(lambda: nothing_waits(system), "nothing is delivered again")
    assert await dead(system) == []
    assert failed_batches(system) == 0
    state = str(system.stack.state.folder)
    assert await asyncio.to_thread(redrive.main, ["--local", "--state", state]) == 0
    assert "3 in all" in capsys.readouterr().out
    assert await asyncio.to_thread(redrive.main, ["--local", "--state", state, "--discard-unreadable"]) == 0
    assert await aside(system) == []


async def test_a_full_batch_is_held_through_an_outage_and_delivered_once(system: LocalSystem) -> None:
    before = len(attempts(system))
    await asyncio.to_thread(system.stack.stop_service, "cosmos")
    held = events(BATCH)
    await send(system, list(map(message_of, held)))
    await wait_until(lambda: attempted(system, before + 2), "the batch was tried twice")
    await asyncio.to_thread(system.stack.start_service, "cosmos")

    await wait_for_views(system, held)

    # One invocation: no batch failed, and the attempts are counted on from the first.
    assert failed_batches(system) == 0
    tried = attempts(system)[before:]
    assert tried == list(range(1, len(tried) + 1))
    await wait_until(lambda: nothing_waits(system), "nothing is delivered again")
    assert await aside(system) == await dead(system) == []


async def test_a_batch_that_an_outage_outlasts_is_delivered_again_as_a_whole_and_nothing_is_lost(
    system: LocalSystem,
) -> None:
    before = failed_batches(system)
    await asyncio.to_thread(system.stack.stop_service, "cosmos")
    held = events(BATCH)
    await send(system, list(map(message_of, held)))
    await wait_until(lambda: batches_failed(system, before + 1), "a delivery was given up", 4 * RETRY_SECONDS)
    await asyncio.to_thread(system.stack.start_service, "cosmos")

    await wait_for_views(system, held)

    # The next delivery is the last: it waits until the database is back.
    assert failed_batches(system) == before + 1
    await wait_until(lambda: nothing_waits(system), "nothing is delivered again")
    assert await aside(system) == await dead(system) == []


async def attempted(system: LocalSystem, number: int) -> bool:
    return len(attempts(system)) >= number


async def batches_failed(system: LocalSystem, number: int) -> bool:
    return failed_batches(system) >= number


async def nothing_waits(system: LocalSystem) -> bool:
    return await waiting(system) == []
