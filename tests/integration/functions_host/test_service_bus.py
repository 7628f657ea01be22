"""Service Bus triggers, through the unmodified SDK, against the local Service Bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from local_azure.service_bus import ServiceBusEmulator
from tests.integration.functions_host.hosts import Sample, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LOCK = {"LockDuration": "PT2S", "MaxDeliveryCount": 3}
SUBSCRIPTION = {"Name": "one-by-one", "Properties": LOCK}
ENTITIES = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sample",
                "Queues": [{"Name": "batches", "Properties": LOCK}],
                "Topics": [{"Name": "events", "Subscriptions": [SUBSCRIPTION]}],
            }
        ]
    }
}


class Bus:
    """A Service Bus, and a client of it."""

    def __init__(self, emulator: ServiceBusEmulator) -> None:
        self.port = emulator.port
        self._client = ServiceBusClient.from_connection_string(emulator.connection_string, socket_timeout=0.02)
        self._topic = self._client.get_topic_sender("events")
        self._queue = self._client.get_queue_sender("batches")
        self._receivers = {
            "waiting": self._client.get_subscription_receiver("events", "one-by-one"),
            "dead": self._client.get_subscription_receiver(
                "events", "one-by-one", sub_queue=ServiceBusSubQueue.DEAD_LETTER
            ),
            "batches": self._client.get_queue_receiver("batches"),
        }

    async def send(self, *messages: ServiceBusMessage) -> None:
        await self._topic.send_messages(list(messages))

    async def send_to_queue(self, *messages: ServiceBusMessage) -> None:
        await self._queue.send_messages(list(messages))

    async def left(self, where: str = "waiting") -> list[str]:
        """The ids of what still lies in the subscription ("waiting"), its dead-letter queue ("dead") or "batches"."""
        messages = await self._receivers[where].peek_messages(100, sequence_number=1)
        return [str(message.message_id) for message in messages]

    async def close(self) -> None:
        """Closes everything at once, and does not wait the second the SDK takes to wake its keep-alive up."""
        handlers: list[ServiceBusSender | ServiceBusReceiver] = [self._topic, self._queue, *self._receivers.values()]
        await asyncio.gather(*[_close(handler) for handler in handlers])

    async def until_left(self, ids: list[str], where: str = "waiting") -> None:
        async with asyncio.timeout(10):
            while await self.left(where) != ids:  # noqa: ASYNC110 - a service is asked, which tells no changes
                await asyncio.sleep(0.02)


async def _close(handler: ServiceBusSender | ServiceBusReceiver) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await handler.close()


@asynccontextmanager
async def service_bus(sample: Sample, port: int = 0) -> AsyncIterator[Bus]:
    """A Service Bus that keeps its messages beside the sample's records; the sample connects to it."""
    async with ServiceBusEmulator(ENTITIES, sample.folder / "bus.sqlite3", port) as emulator:
        sample.settings["SERVICE_BUS"] = emulator.connection_string
        bus = Bus(emulator)
        try:
            yield bus
        finally:
            await bus.close()


def message(body: str, **properties: float) -> ServiceBusMessage:
    return ServiceBusMessage(
        body, message_id=body, application_properties={name: properties[name] for name in properties}
    )


def has_seen(sample: Sample, body: str) -> bool:
    return any(seen["body"] == body for seen in sample.seen("on-message"))


async def test_a_function_sees_the_message_and_it_is_completed(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus, sample.running():
        sent = ServiceBusMessage(
            '{"이름": "김"}',
            message_id="m1",
            subject="Registered",
            correlation_id="c1",
            content_type="application/json",
            application_properties={"traceparent": PARENT, "count": 3},
        )
        await bus.send(sent)
        (seen,) = await until(lambda: sample.seen("on-message"))
        await bus.until_left([])

    assert seen["body"] == '{"이름": "김"}'
    assert seen["message_id"] == "m1"
    assert seen["subject"] == "Registered"
    assert seen["correlation_id"] == "c1"
    assert seen["content_type"] == "application/json"
    assert seen["delivery_count"] == 1
    assert seen["properties"] == seen["user_properties"] == {"traceparent": PARENT, "count": 3}
    assert seen["trace"] == PARENT
    assert len(seen["lock_token"]) == 36
    assert datetime.fromisoformat(seen["enqueued"]).tzinfo is None
    assert seen["expires"].startswith("9999-12-31")
    assert {"EnqueuedTime", "ExpiresAt", "Label", "SequenceNumber", "UserProperties"} <= set(seen["metadata"])


async def test_a_failure_abandons_and_the_message_comes_again(sample: Sample) -> None:
    sample.only("on-message")
    sample.fail("on-message")
    async with service_bus(sample) as bus, sample.running() as host:
        await bus.send(message("a"))
        (seen,) = await until(lambda: sample.seen("on-message"))

    assert seen["delivery_count"] == 2
    assert len([line for line in host.log if "function=on-message" in line and "failed" in line]) == 1


async def test_a_message_that_always_fails_is_dead_lettered_and_stops_nothing(sample: Sample) -> None:
    sample.only("on-message")
    sample.fail("on-message", "on-message", "on-message")
    async with service_bus(sample) as bus, sample.running():
        await bus.send(message("bad"))
        await bus.until_left(["bad"], "dead")
        await bus.send(message("good"))
        (seen,) = await until(lambda: sample.seen("on-message"))

    assert seen["body"] == "good"


async def test_several_messages_run_at_once_and_slow_ones_do_not_hold_up_others(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus, sample.running():
        await bus.send(*[message(f"slow{n}", seconds=1) for n in range(4)])
        await until(lambda: len(sample.seen("on-message-started")) == 4)
        await bus.send(*[message(f"fast{n}") for n in range(20)])
        await until(lambda: len(sample.seen("on-message")) == 24)
        bodies = [record["body"] for record in sample.seen("on-message")]
        await bus.until_left([])

    assert {body[:4] for body in bodies[:20]} == {"fast"}


async def test_locks_are_renewed_while_a_function_runs(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus, sample.running():
        await bus.send(message("long", seconds=3.5))
        await until(lambda: sample.seen("on-message"))
        await bus.until_left([])

    assert len(sample.seen("on-message-started")) == 1


async def test_batches_come_whole_and_are_settled_whole(sample: Sample) -> None:
    sample.only("on-batch")
    sample.fail("on-batch")
    async with service_bus(sample) as bus:
        await bus.send_to_queue(*[message(str(n), n=n) for n in range(5)], ServiceBusMessage("bare"))
        async with sample.running():
            await until(lambda: sum(len(seen["ids"]) for seen in sample.seen("on-batch")) == 6)
            await bus.until_left([], "batches")

    batches = sample.seen("on-batch")
    assert {count for batch in batches for count in batch["counts"]} == {2}
    properties = {
        body: properties
        for batch in batches
        for body, properties in zip(batch["bodies"], batch["properties"], strict=True)
    }
    assert properties == {**{str(n): {"n": n} for n in range(5)}, "bare": {}}


async def test_listeners_survive_a_service_bus_that_comes_late_and_goes(sample: Sample) -> None:
    sample.only("on-message", "hello")
    async with service_bus(sample) as bus:
        port = bus.port
    async with sample.running() as host:
        for round_number in range(2):
            async with service_bus(sample, port) as bus:
                await bus.send(message(f"round{round_number}"))
                await until(partial(has_seen, sample, f"round{round_number}"))
                await bus.until_left([])
        lost = [line for line in host.log if "lost:" in line]
        back = [line for line in host.log if "back after" in line]
        assert await host.stop() == 0

    assert len(back) == 2
    assert len(lost) in (2, 3)


async def test_what_runs_is_settled_before_the_host_ends(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus:
        async with sample.running() as host:
            await bus.send(message("running", seconds=1))
            await until(lambda: sample.seen("on-message-started"))
            await bus.send(*[message(str(n), seconds=1) for n in range(3)])
            assert await host.stop() == 0
        done = [record["body"] for record in sample.seen("on-message")]
        waiting = await bus.left()

    assert "running" in done
    assert sorted(done + waiting) == ["0", "1", "2", "running"]


async def test_a_killed_host_loses_nothing(sample: Sample) -> None:
    sample.only("on-message")
    async with service_bus(sample) as bus:
        async with sample.running() as host:
            await bus.send(message("a", seconds=30))
            await until(lambda: sample.seen("on-message-started"))
            host.process.kill()
        assert await bus.left() == ["a"]
