"""After `kill -9`, accepted messages are there, settled ones are not, and the SDK reconnects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageLockLostError, OperationTimeoutError, ServiceBusConnectionError

from tests.integration.service_bus.namespace import Clients, entities
from tests.integration.service_bus.process import ServiceBusProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

RETRIES = {"retry_total": 10, "retry_backoff_factor": 0.05, "retry_backoff_max": 1}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceBusProcess]:
    server = ServiceBusProcess(tmp_path_factory.mktemp("service-bus"), entities())
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def clients(server: ServiceBusProcess) -> AsyncIterator[Clients]:
    async with Clients(server.connection_string, **RETRIES) as clients:
        await clients.open("short-lock", "settled", "single")
        yield clients


class Load:
    """Sends numbered messages, settles those it receives, and records what the server confirmed.

    Received messages are identified by sequence number: the SDK resends messages that are not confirmed in time.
    """

    def __init__(self, sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
        self._sender = sender
        self._receiver = receiver
        self.sending = True
        self.sent: set[str] = set()
        self.settled: set[int | None] = set()
        self.received: list[ServiceBusReceivedMessage] = []

    async def send(self) -> None:
        number = 0
        while self.sending:
            batch = [ServiceBusMessage(str(number + each)) for each in range(10)]
            number += 10
            await self._sender.send_messages(batch)
            self.sent |= {str(message) for message in batch}

    async def receive(self) -> None:
        """Completes most messages and abandons some, until no more arrive even after all locks have expired."""
        messages: list[ServiceBusReceivedMessage] = []
        while self.sending or messages:
            messages = await some(self._receiver, 10)
            for message in messages:
                self.received.append(message)
                with contextlib.suppress(MessageLockLostError):  # locks do not survive a kill
                    await self._settle(message)

    async def _settle(self, message: ServiceBusReceivedMessage) -> None:
        if message.delivery_count == 0 and int(str(message)) % 10 == 3:
            await self._receiver.abandon_message(message)
        else:
            await self._receiver.complete_message(message)
            self.settled.add(message.sequence_number)

    async def progress(self, sent: int, received: int) -> None:
        """Waits until `sent` and `received` more messages are sent and received."""
        sent, received = sent + len(self.sent), received + len(self.received)
        while len(self.sent) < sent or len(self.received) < received:  # noqa: ASYNC110 - the SDK has no event for it
            await asyncio.sleep(0.005)


async def test_nothing_is_lost_or_redelivered_when_the_server_is_killed(
    server: ServiceBusProcess, clients: Clients
) -> None:
    deferred = await one_of_each(*clients.queue("settled"))
    load = Load(*clients.queue("short-lock"))

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(load.send())
        group.create_task(load.receive())
        await load.progress(100, 50)
        await server.kill()  # during a send, a delivery or a settlement
        settled_before = set(load.settled)
        received_before = len(load.received)
        await server.start()
        await load.progress(100, 50)
        load.sending = False
    _, receiver = clients.queue("settled")
    again = await received(receiver, 2)
    (deferred_message,) = await receiver.receive_deferred_messages([deferred])

    assert sorted((str(message), message.delivery_count) for message in again) == [("abandoned", 1), ("locked", 0)]
    assert str(deferred_message) == "deferred"
    after_the_kill = {message.sequence_number for message in load.received[received_before:]}
    assert load.sent <= {str(message) for message in load.received}
    assert settled_before.isdisjoint(after_the_kill)
    assert_counts_never_fall(load.received)


async def one_of_each(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> int:
    """Leaves an abandoned, a deferred and a locked message. Returns the sequence number of the deferred one."""
    await sender.send_messages([ServiceBusMessage(body) for body in ("abandoned", "deferred", "locked")])
    abandoned, deferred, _ = await receiver.receive_messages(3)
    await receiver.abandon_message(abandoned)
    await receiver.defer_message(deferred)
    return deferred.sequence_number or 0


def assert_counts_never_fall(received: list[ServiceBusReceivedMessage]) -> None:
    highest: dict[int | None, int] = {}
    for message in received:
        count = message.delivery_count or 0
        assert count >= highest.get(message.sequence_number, 0), message
        highest[message.sequence_number] = count


async def received(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """Receives `count` messages, after the SDK has reconnected."""
    messages: list[ServiceBusReceivedMessage] = []
    async with asyncio.timeout(30):
        while len(messages) < count:
            messages += await some(receiver, count)
    return messages


async def some(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """What arrives within 1.5 s; nothing while the SDK cannot connect."""
    try:
        return await receiver.receive_messages(count, max_wait_time=1.5)
    except (OperationTimeoutError, ServiceBusConnectionError):
        return []


async def test_a_clean_stop_closes_the_connections_of_clients(server: ServiceBusProcess, clients: Clients) -> None:
    sender, receiver = clients.queue("single")
    await sender.send_messages(ServiceBusMessage("kept"))

    code, logged = await server.terminate()
    await server.start()
    (message,) = await received(receiver, 1)
    await sender.send_messages(ServiceBusMessage("more"))

    assert code == 0
    assert "Traceback" not in logged
    assert str(message) == "kept"


async def test_a_failed_start_is_one_line_on_stderr(server: ServiceBusProcess, tmp_path: Path) -> None:
    without_entities = tmp_path / "missing.toml"
    without_entities.write_text('[service_bus]\nentities = "nowhere.json"\n', encoding="utf-8")
    without_section = tmp_path / "empty.toml"
    without_section.touch()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "service-bus.sqlite3").write_bytes(b"no database" * 100)

    async def error(port: int = 0, settings: Path | None = None, state: Path | None = None) -> str:
        process = await server.run(port, settings, state)
        _, errors = await process.communicate()
        assert process.returncode == 2
        return errors.decode()

    in_use, taken, unreadable, missing, without = await asyncio.gather(
        error(),
        error(port=server.port, state=tmp_path / "other"),
        error(state=broken),
        error(settings=without_entities),
        error(settings=without_section),
    )

    assert "in use by another" in in_use
    assert f"port {server.port} is taken" in taken
    assert "not a database" in unreadable
    assert "nowhere.json" in missing
    assert "[service_bus]" in without
    assert {text.count("\n") for text in (in_use, taken, unreadable, missing, without)} == {1}
