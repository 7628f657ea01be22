"""A step of the wall clock, an hour back or forth, changes no duration."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from local_azure.service_bus import ServiceBusEmulator, server

HOUR = 3600
# Of locks and messages, in seconds: long enough to notice a shorter one, short enough to wait for.
DURATION = 2
LIMIT = DURATION + 30.0

type Step = Callable[[int], None]

QUEUES = {
    "locked": {"LockDuration": "PT2S"},
    "expiring": {"LockDuration": "PT30S", "DeadLetteringOnMessageExpiration": True},
    "once": {
        "LockDuration": "PT30S",
        "RequiresDuplicateDetection": True,
        "DuplicateDetectionHistoryTimeWindow": "PT1M",
    },
}

both_ways = pytest.mark.parametrize("seconds", [-HOUR, HOUR])


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Sets the wall clock of the emulator, but not of the SDK, which would take its token for expired."""

    def set_clock(seconds: int) -> None:
        stepped = SimpleNamespace(time_ns=lambda: time.time_ns() + seconds * 1_000_000_000)
        monkeypatch.setattr(server, "time", stepped)

    return set_clock


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[ServiceBusClient]:
    file = folder / "entities.json"
    queues = [{"Name": name, "Properties": properties} for name, properties in QUEUES.items()]
    file.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Name": "test", "Queues": queues}]}}))
    async with (
        ServiceBusEmulator.running(file, folder / "bus.sqlite3", 0) as emulator,
        ServiceBusClient.from_connection_string(emulator.connection_string) as opened,
    ):
        yield opened


@both_ways
async def test_the_lock_of_a_consumer_that_died_ends_when_it_should(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("locked") as sender:
        await sender.send_messages(ServiceBusMessage("milk"))
        async with bus.get_queue_receiver("locked") as dying:
            await dying.receive_messages()
        locked_at = time.monotonic()
        step(seconds)

        async with bus.get_queue_receiver("locked") as receiver:
            (again,) = await receiver.receive_messages(max_wait_time=LIMIT)

        assert DURATION - 0.5 < time.monotonic() - locked_at < LIMIT
        assert (str(again), again.delivery_count) == ("milk", 1)


@both_ways
async def test_a_message_can_be_completed_as_long_as_it_is_locked(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("locked") as sender:
        await sender.send_messages(ServiceBusMessage("milk"))
        async with bus.get_queue_receiver("locked") as receiver:
            (message,) = await receiver.receive_messages()
            step(seconds)

            await receiver.complete_message(message)

            assert await receiver.receive_messages(max_wait_time=DURATION + 1) == []


@both_ways
async def test_a_client_learns_the_end_of_its_lock_by_the_wall_clock(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("locked") as sender:
        await sender.send_messages(ServiceBusMessage("milk"))
        step(seconds)
        async with bus.get_queue_receiver("locked") as receiver:
            (message,) = await receiver.receive_messages()
            first = message.locked_until_utc
            expected = time.time() + seconds + DURATION
            message._expiry = None  # the SDK's clock is not stepped
            renewed = await receiver.renew_message_lock(message)

        assert first is not None
        assert abs(first.timestamp() - expected) < 1
        assert abs(renewed.timestamp() - expected) < 1


@both_ways
async def test_a_message_expires_when_it_should(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("expiring") as sender:
        await sender.send_messages(ServiceBusMessage("milk", time_to_live=timedelta(seconds=DURATION)))
        sent_at = time.monotonic()
        step(seconds)

        async with bus.get_queue_receiver("expiring", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            (expired,) = await dead.receive_messages(max_wait_time=LIMIT)

        assert DURATION - 0.5 < time.monotonic() - sent_at < LIMIT
        assert expired.dead_letter_reason == "TTLExpiredException"


@both_ways
async def test_a_message_is_enqueued_as_long_after_scheduling_as_it_should(
    tmp_path: Path, step: Step, seconds: int
) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("locked") as sender:
        due = datetime.now(UTC) + timedelta(seconds=DURATION)
        await sender.schedule_messages(ServiceBusMessage("milk"), due)
        scheduled_at = time.monotonic()
        step(seconds)

        async with bus.get_queue_receiver("locked") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=LIMIT)

        assert DURATION - 1 < time.monotonic() - scheduled_at < LIMIT
        assert str(message) == "milk"


@both_ways
async def test_a_message_is_scheduled_by_the_clock_of_its_sender(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("locked") as sender:
        step(seconds)
        due = datetime.now(UTC) + timedelta(seconds=seconds + DURATION)
        scheduled_at = time.monotonic()
        await sender.schedule_messages(ServiceBusMessage("milk"), due)

        async with bus.get_queue_receiver("locked") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=LIMIT)

        assert DURATION - 1 < time.monotonic() - scheduled_at < LIMIT
        assert str(message) == "milk"


@both_ways
async def test_a_duplicate_is_recognised_for_as_long_as_it_should(tmp_path: Path, step: Step, seconds: int) -> None:
    async with client(tmp_path) as bus, bus.get_queue_sender("once") as sender:
        await sender.send_messages(ServiceBusMessage("first", message_id="1"))
        step(seconds)
        await sender.send_messages(ServiceBusMessage("second", message_id="1"))

        async with bus.get_queue_receiver("once") as receiver:
            messages = await receiver.receive_messages(2, max_wait_time=2)

        assert [str(message) for message in messages] == ["first"]
