"""The number of operations of each entity."""

import asyncio
import json
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage

from local_azure.service_bus import ServiceBusEmulator
from local_azure.service_bus.limits import REPORT_INTERVAL
from tests.integration.service_bus.namespace import Clients, entities

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_message_that_is_sent_delivered_or_settled_counts(tmp_path: Path) -> None:
    async with (
        ServiceBusEmulator.running(entities(), tmp_path / "service-bus.sqlite3") as emulator,
        Clients(emulator.connection_string) as clients,
    ):
        await clients.open("single")
        sender, receiver = clients.queue("single")
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(3)])
        first, second = await receiver.receive_messages(max_message_count=2, max_wait_time=5)
        await receiver.complete_message(first)
        await receiver.renew_message_lock(second)
        await asyncio.sleep(2 * REPORT_INTERVAL)

        counted = json.loads((tmp_path / "service-bus-operations.json").read_text("utf-8"))

    # The peek is part of opening the queue for a test.
    assert counted == {"single": {"delivered": 2, "managed": 2, "sent": 3, "settled": 1}}
