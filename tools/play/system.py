"""A running system from outside: calls over HTTP, and a look into its database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
from azure.cosmos.aio import CosmosClient

from local_azure.configuration import Configuration
from local_azure.stack import Stack
from shared import resources
from tools.play.calls import Answer, timed_call

SETTINGS_FILE = Path(__file__).parents[2] / "local-azure.toml"
CALL_TIMEOUT_SECONDS = 15
SHOWN_CONTAINERS = (resources.CUSTOMERS, resources.KAKAOS, resources.CUSTOMER_VIEWS)


class System:
    """The system that a stack runs."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession, cosmos: CosmosClient) -> None:
        self.stack = stack
        self._http = http
        self._database = cosmos.get_database_client(resources.DATABASE)

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator[Self]:
        """Connects, and disconnects at the end."""
        section = Configuration.load(SETTINGS_FILE).cosmos
        # A connection that a stopped service has closed must not be taken for a new one.
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(CALL_TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            CosmosClient(stack.url("cosmos"), section.key if section else "") as cosmos,
        ):
            yield cls(stack, http, cosmos)

    def url(self, path: str, service: str = "gateway") -> str:
        """Where a path is found at a service; a whole URL stays as it is."""
        return path if path.startswith("http") else self.stack.url(service) + path

    async def call(self, method: str, path: str, *, service: str = "gateway", **options: Any) -> Answer:
        """A call of the gateway, or of a service's own port. Raises aiohttp.ClientError."""
        return await timed_call(self._http, method, self.url(path, service), **options)

    async def query(self, container: str, query: str, **parameters: object) -> list[Any]:
        """The results of a query over all partitions."""
        items = self._database.get_container_client(container).query_items(
            query=query, parameters=[{"name": f"@{name}", "value": value} for name, value in parameters.items()]
        )
        return [item async for item in items]

    async def stored(self, container: str, customer_id: str) -> list[dict[str, Any]]:
        """What a container holds of a customer."""
        key = resources.PARTITION_KEYS[container].removeprefix("/")
        return await self.query(container, f"SELECT * FROM c WHERE c.{key} = @id", id=customer_id)  # noqa: S608 a constant

    async def stored_everywhere(self, customer_id: str) -> dict[str, list[dict[str, Any]]]:
        """What each container holds of a customer."""
        return {name: await self.stored(name, customer_id) for name in SHOWN_CONTAINERS}

    async def count(self) -> dict[str, int]:
        """How many documents of any kind each container holds."""
        return {name: (await self.query(name, "SELECT VALUE COUNT(1) FROM c"))[0] for name in SHOWN_CONTAINERS}
