"""The running system as its tests see it: calls over HTTP, and a look into the database and onto the topic."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from azure.cosmos.aio import CosmosClient

from local_azure.stack import Stack
from shared import resources

CALL_TIMEOUT_SECONDS = 15
YEON: Mapping[str, object] = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": "20"}


@dataclass(frozen=True)
class Answer:
    """An answer of the system. `seconds`: from sending the request to the last byte."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class House:
    """One stack, and everything a test wants of it."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession, cosmos: CosmosClient) -> None:
        self.stack = stack
        self._http = http
        self._cosmos = cosmos

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator[Self]:
        timeout = aiohttp.ClientTimeout(CALL_TIMEOUT_SECONDS)
        # A closed connection must not be taken for a new one while services come and go.
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            CosmosClient(stack.url("cosmos"), "bG9jYWw=") as cosmos,
        ):
            yield cls(stack, http, cosmos)

    async def call(self, method: str, path: str, *, service: str = "gateway", **options: Any) -> Answer:
        """A call of the gateway or of a service's own port; `path` may be a whole URL. Raises aiohttp.ClientError."""
        url = path if path.startswith("http") else self.stack.url(service) + path
        before = time.perf_counter()
        async with self._http.request(method, url, **options) as response:
            text = await response.text()
        return Answer(response.status, response.headers, text, time.perf_counter() - before)

    async def register(self, details: Mapping[str, object] = YEON) -> str:
        """Registers a customer; returns the id."""
        answer = await self.call("POST", "/customers", json=details)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def stored(self, container: str, customer_id: str) -> list[dict[str, Any]]:
        """What the database holds of a customer."""
        key = "id" if container == resources.CUSTOMER_VIEWS else "customerId"
        return await self.query(container, f"SELECT * FROM c WHERE c.{key} = @id", id=customer_id)  # noqa: S608 one of two

    async def query(self, container: str, query: str, **parameters: object) -> list[Any]:
        items = (
            self._cosmos.get_database_client(resources.DATABASE)
            .get_container_client(container)
            .query_items(
                query=query, parameters=[{"name": f"@{name}", "value": value} for name, value in parameters.items()]
            )
        )
        return [item async for item in items]

    async def count(self) -> dict[str, int]:
        """How many documents of any kind each container holds."""
        containers = (resources.CUSTOMERS, resources.KAKAOS, resources.CUSTOMER_VIEWS)
        return {name: (await self.query(name, "SELECT VALUE COUNT(1) FROM c"))[0] for name in containers}

    async def view_says(self, customer_id: str, status: str, seconds: float = 20) -> None:
        async def says() -> bool:
            answer = await self.call("GET", f"/customerViews/{customer_id}")
            return answer.status == 200 and answer.body["status"] == status

        await eventually(says, f"the view of {customer_id} says {status}", seconds)

    async def alerted(self, customer_id: str, seconds: float = 20) -> None:
        async def is_there() -> bool:
            return (await self.call("GET", f"/kakaos/{customer_id}.canceled")).status == 200

        await eventually(is_there, f"{customer_id} was alerted", seconds)


async def eventually(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 20) -> None:
    """Waits until it holds. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)
