"""One emulator for all tests. Each test has its own queue."""

from collections.abc import AsyncIterator

import pytest_asyncio

from local_azure.service_bus import ServiceBusEmulator
from tests.integration.service_bus.namespace import QUEUES, Namespace, entities


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def namespace() -> AsyncIterator[Namespace]:
    async with ServiceBusEmulator.running(entities()) as emulator, Namespace(emulator) as opened:
        await opened.open(*QUEUES)
        yield opened
