from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local_azure.cosmos import CosmosContainer, CosmosEmulator
from tests.integration.cosmos.clients import Clock, connect

CONTAINERS = [
    CosmosContainer(database="shop", name="orders", partition_key="/customer", default_ttl=-1),
    CosmosContainer(database="shop", name="nested", partition_key="/address/city"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def emulator(tmp_path: Path, clock: Clock) -> AsyncIterator[CosmosEmulator]:
    async with CosmosEmulator(CONTAINERS, tmp_path / "cosmos.sqlite3", clock=clock) as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: CosmosEmulator) -> AsyncIterator[CosmosClient]:
    async with connect(emulator.connection_string) as client:
        yield client


@pytest.fixture
def shop(client: CosmosClient) -> DatabaseProxy:
    return client.get_database_client("shop")


@pytest.fixture
def orders(shop: DatabaseProxy) -> ContainerProxy:
    return shop.get_container_client("orders")
