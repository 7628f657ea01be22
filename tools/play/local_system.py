"""The system that a local stack runs: its services can be called one by one, and its database can be queried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from azure.cosmos.aio import CosmosClient

from local_azure.stack import Stack
from shared import resources
from tools.play.apps import COLLECTIONS
from tools.play.system import Response, System

CALL_SECONDS = 15  # a call may have to wait for a service that restarts


class LocalSystem(System):
    """A system, the stack that runs it, and its database."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession, cosmos: CosmosClient) -> None:
        super().__init__(stack.url("gateway"), http)
        self.stack = stack
        self._database = cosmos.get_database_client(resources.DATABASE)

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator[Self]:
        """Connects to the gateway and the database of a stack."""
        # Never reuse a connection: the service at its other end may have been stopped.
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(CALL_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            CosmosClient.from_connection_string(stack.connection_string("cosmos")) as cosmos,
        ):
            yield cls(stack, http, cosmos)

    def newcomer(self) -> Self:
        """The system as somebody calls it who has not registered yet. Here everybody may register again and again."""
        return self

    async def call(self, method: str, path: str, *, service: str = "gateway", **options: Any) -> Response:
        """Calls the gateway, or a service at its own port. Raises aiohttp.ClientError and TimeoutError."""
        url = path if path.startswith("http") else self.stack.url(service) + path
        return await self._send(method, url, **options)

    async def query(self, container: str, query: str, **parameters: object) -> list[Any]:
        """Runs a query over all partitions."""
        items = self._database.get_container_client(container).query_items(
            query=query, parameters=[{"name": f"@{name}", "value": value} for name, value in parameters.items()]
        )
        return [item async for item in items]

    async def stored(self, container: str, customer_id: str) -> list[dict[str, Any]]:
        """The documents of a customer in a container."""
        items = self._database.get_container_client(container).query_items(
            query="SELECT * FROM c", partition_key=customer_id
        )
        return [item async for item in items]

    async def stored_everywhere(self, customer_id: str) -> dict[str, list[dict[str, Any]]]:
        """The documents of a customer in each container."""
        return {name: await self.stored(name, customer_id) for name in COLLECTIONS.values()}

    async def count(self) -> dict[str, int]:
        """The number of documents in each container."""
        return {name: (await self.query(name, "SELECT VALUE COUNT(1) FROM c"))[0] for name in COLLECTIONS.values()}
