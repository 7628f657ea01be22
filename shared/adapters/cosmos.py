"""The Cosmos DB client: opened at first use, with the cheap transport, every call bounded in time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from azure.identity.aio import ManagedIdentityCredential

from shared.domain.errors import StoreUnavailable
from shared.resources import DATABASE
from shared.settings import Settings

type Document = dict[str, Any]

# Outcomes that the caller asked for: they pass through `available` as they are.
OUTCOMES = (CosmosAccessConditionFailedError, CosmosResourceExistsError, CosmosResourceNotFoundError)


class CosmosDatabase:
    """The database of this system. One for each process: opening a client costs several requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: CosmosClient | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def container(self, name: str) -> AsyncIterator[ContainerProxy]:
        """A container for one call. Within, a call that fails or takes too long raises StoreUnavailable."""
        try:
            async with asyncio.timeout(self._settings.cosmos_timeout_seconds):
                client = self._client or await self._open()
                yield client.get_database_client(DATABASE).get_container_client(name)
        except OUTCOMES:
            raise
        except (AzureError, TimeoutError) as error:
            raise StoreUnavailable(
                "The database does not answer at the moment.", self._settings.store_retry_after_seconds
            ) from error

    async def _open(self) -> CosmosClient:
        async with self._opening:
            if self._client is None:
                client = self._new_client()
                try:
                    await client.__aenter__()
                except BaseException:
                    await client.close()
                    raise
                self._client = client
        return self._client

    def _new_client(self) -> CosmosClient:
        # The transport's default looks up proxies and .netrc in a thread, twice for each request.
        options: dict[str, Any] = {
            "transport": AioHttpTransport(use_env_settings=False),
            "enable_compact_utf8_item_writes": True,
            "retry_total": 2,
            "retry_backoff_factor": 0.2,
        }
        if self._settings.cosmos_connection:
            return CosmosClient.from_connection_string(self._settings.cosmos_connection.get_secret_value(), **options)
        credential = ManagedIdentityCredential(client_id=self._settings.cosmos_connection__client_id)
        return CosmosClient(str(self._settings.cosmos_connection__account_endpoint), credential, **options)

    async def close(self) -> None:
        """Closes the client; the next call opens another."""
        client, self._client = self._client, None
        if client:
            await client.close()


async def first_items(
    container: ContainerProxy, query: str, parameters: dict[str, object], size: int
) -> Sequence[Document]:
    """The first `size` results of a query over all partitions. `parameters`: name with @ → value."""
    pages = container.query_items(
        query=query,
        parameters=[{"name": name, "value": value} for name, value in parameters.items()],
        max_item_count=size,
    )
    items: list[Document] = []
    async for item in pages:
        items.append(item)
        if len(items) == size:
            break
    return items
