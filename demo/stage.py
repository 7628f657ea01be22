"""Where the scenario is played: it calls the gateway, looks into the database, and shows both."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from azure.cosmos.aio import CosmosClient
from rich.console import Console
from rich.markup import escape

from local_azure.stack import Stack
from shared import resources

CALL_TIMEOUT_SECONDS = 10
SHOWN_CONTAINERS = (resources.CUSTOMERS, resources.KAKAOS, resources.CUSTOMER_VIEWS)


class Unexpected(Exception):
    """A step did not go as the scenario says."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float


class Stage:
    """The stack, and the console on which everything is shown."""

    def __init__(self, stack: Stack, cosmos: CosmosClient, http: aiohttp.ClientSession, console: Console) -> None:
        self.stack = stack
        self._database = cosmos.get_database_client(resources.DATABASE)
        self._http = http
        self._console = console
        self._steps = 0

    def step(self, title: str, korean: str) -> None:
        self._steps += 1
        self._console.print(f"\n[bold cyan]{self._steps}. {title}[/]  [dim]{korean}[/]")

    def say(self, text: str) -> None:
        self._console.print(f"   {escape(text)}")

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """Calls the gateway; shows the request and the answer."""
        url = path if path.startswith("http") else self.stack.url("gateway") + path
        shown = f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        self._console.print(f"   [bold]→ {method} {escape(url)}[/]{escape(shown)}")
        answer = await self.call_quietly(method, path, body)
        colour = "green" if answer.status < 400 else "yellow"
        kept = {name: value for name, value in answer.headers.items() if name in ("Location", "ETag", "Retry-After")}
        headers = "".join(f"  {name}: {value}" for name, value in kept.items())
        self._console.print(
            f"   [{colour}]← {answer.status}[/]  [dim]{answer.seconds * 1000:.0f} ms[/]{escape(headers)}"
        )
        if answer.body is not None:
            text = json.dumps(_shortened(answer.body), ensure_ascii=False, indent=2)
            self._console.print("\n".join(f"     {line}" for line in escape(text).splitlines()), style="dim")
        return answer

    async def call_quietly(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        url = path if path.startswith("http") else self.stack.url("gateway") + path
        before = time.perf_counter()
        async with self._http.request(method, url, json=body) as response:
            content = await response.read()
        parsed = json.loads(content) if content else None
        return Answer(response.status, response.headers, parsed, time.perf_counter() - before)

    async def documents(self, container: str, customer_id: str) -> list[dict[str, Any]]:
        """What the database holds of a customer."""
        key = "id" if container == resources.CUSTOMER_VIEWS else "customerId"
        query = f"SELECT * FROM c WHERE c.{key} = @id"  # noqa: S608 one of two names above
        parameters: list[dict[str, object]] = [{"name": "@id", "value": customer_id}]
        items = self._database.get_container_client(container).query_items(query=query, parameters=parameters)
        return [dict(item) async for item in items]

    async def show_stored(self, customer_id: str) -> dict[str, list[dict[str, Any]]]:
        """Shows and returns what each container holds of a customer."""
        stored = {name: await self.documents(name, customer_id) for name in SHOWN_CONTAINERS}
        for name, documents in stored.items():
            for document in documents:
                self._console.print(f"   [blue]{name:<14}[/] {document['id']:<48} {_gist(document)}")
            if not documents:
                self._console.print(f"   [blue]{name:<14}[/] nothing")
        return stored

    async def count(self) -> dict[str, int]:
        """How many documents of any kind each container holds."""
        counts = {}
        for name in SHOWN_CONTAINERS:
            container = self._database.get_container_client(name)
            documents = container.query_items("SELECT c.id FROM c")
            counts[name] = len([document async for document in documents])
        return counts

    def expect(self, holds: bool, what: str) -> None:
        """Raises Unexpected."""
        if not holds:
            raise Unexpected(what)
        self._console.print(f"   [green]✔[/] {escape(what)}")

    async def eventually(self, what: str, holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Waits until it holds. Raises Unexpected after `seconds`."""
        before = time.monotonic()
        while not await holds():
            if time.monotonic() - before > seconds:
                raise Unexpected(f"{what}: not within {seconds:.0f} s")
            await asyncio.sleep(0.05)
        self.expect(holds=True, what=f"{what}, after {time.monotonic() - before:.1f} s")


def _shortened(body: Any) -> Any:
    """A list answer with its first two items only."""
    if not (isinstance(body, dict) and "_embedded" in body):
        return body
    embedded = {
        name: [*items[:2], f"… {len(items) - 2} more"] if len(items) > 2 else items
        for name, items in body["_embedded"].items()
    }
    return {**body, "_embedded": embedded}


def _gist(document: Mapping[str, Any]) -> str:
    if document.get("type") == "event":
        return f"event {document['event']['type']}"
    if document.get("type") == "message":
        return f"message {document['kind']}, {document['status']} by {document['provider']}"
    return str(document.get("status") or document.get("type") or "")
