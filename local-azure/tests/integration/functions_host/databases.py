"""A local Cosmos DB for the sample app, and a client of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from local_azure.cosmos import CosmosContainer, CosmosEmulator
from tests.integration.functions_host.hosts import Sample

CONTAINERS = [CosmosContainer(database="sample", name=name, partition_key="/kind") for name in ("kept", "lost")]


class Documents:
    """The database that the sample app listens to."""

    def __init__(self, emulator: CosmosEmulator, database: DatabaseProxy) -> None:
        self.port = emulator.port
        self._database = database

    async def create(self, container: str, *ids: str) -> None:
        for identity in ids:
            await self._database.get_container_client(container).create_item({"id": identity, "kind": "test"})

    async def create_together(self, container: str, ids: Sequence[str]) -> None:
        """In one transactional batch."""
        operations = [("create", ({"id": identity, "kind": "test"},)) for identity in ids]
        await self._database.get_container_client(container).execute_item_batch(operations, "test")

    async def lease(self, function: str, container: str) -> dict[str, Any]:
        leases = self._database.get_container_client("leases")
        identity = f"{function}.sample.{container}..0"
        return await leases.read_item(identity, partition_key=identity)

    async def until_leased(self, function: str, container: str) -> None:
        """Waits until the function's position in the feed is stored."""
        async with asyncio.timeout(10):
            while True:
                try:
                    if (await self.lease(function, container))["continuation"]:
                        return
                except CosmosResourceNotFoundError:
                    await asyncio.sleep(0.02)


@asynccontextmanager
async def cosmos(sample: Sample, port: int = 0) -> AsyncIterator[Documents]:
    """Runs a Cosmos DB with its database in the sample's folder. The sample connects to it."""
    async with CosmosEmulator(CONTAINERS, sample.folder / "cosmos.sqlite3", port) as emulator:
        sample.settings["COSMOS"] = emulator.connection_string
        async with CosmosClient.from_connection_string(emulator.connection_string) as client:
            yield Documents(emulator, client.get_database_client("sample"))
