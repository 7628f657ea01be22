"""What goes wrong around my page on a local stack, for the time of a block."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import aiohttp
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from local_azure.stack import Stack
from shared.domain.documents import DocumentKind
from shared.resources import CUSTOMERS, DATABASE

CALL_SECONDS: Final = 10

type Outage = Callable[[Stack], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def nothing(stack: Stack) -> AsyncIterator[None]:
    """Everything works."""
    yield


def without(service: str) -> Outage:
    """This service is stopped."""

    @asynccontextmanager
    async def outage(stack: Stack) -> AsyncIterator[None]:
        await asyncio.to_thread(stack.stop_service, service)
        try:
            yield
        finally:
            await asyncio.to_thread(stack.start_service, service)

    return outage


def faulty_kakao_login(**faults: object) -> Outage:
    """The stand-in for Kakao Login answers wrongly: stand_ins/kakao_login/faults.py says how."""

    @asynccontextmanager
    async def outage(stack: Stack) -> AsyncIterator[None]:
        await _set_faults(stack, faults)
        try:
            yield
        finally:
            await _set_faults(stack, {})

    return outage


def unreadable(kind: DocumentKind, name: str) -> Outage:
    """The write model's documents of this kind that are there have nothing under this name, which no app expects."""

    @asynccontextmanager
    async def outage(stack: Stack) -> AsyncIterator[None]:
        async with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
            container = client.get_database_client(DATABASE).get_container_client(CUSTOMERS)
            of_kind: dict[str, object] = {"name": "@type", "value": kind.value}
            found = container.query_items("SELECT * FROM c WHERE c.type = @type", parameters=[of_kind])
            documents = [document async for document in found]
            for document in documents:
                await _set(container, document, name, None)
            try:
                yield
            finally:
                for document in documents:
                    await _set(container, document, name, document[name])

    return outage


async def _set(container: ContainerProxy, document: dict[str, str], name: str, value: str | None) -> None:
    change = {"op": "set", "path": f"/{name}", "value": value}
    with suppress(CosmosResourceNotFoundError):  # it was deleted meanwhile
        await container.patch_item(document["id"], partition_key=document["customerId"], patch_operations=[change])


async def _set_faults(stack: Stack, faults: object) -> None:
    url = f"{stack.url('kakao_login')}/stand-in/faults"
    timeout = aiohttp.ClientTimeout(CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as http:
        await http.put(url, data=json.dumps(faults))
