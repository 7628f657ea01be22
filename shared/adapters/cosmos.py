"""The Cosmos DB client: opened at the start or at first use, with a cheap transport, and a timeout on every call."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosResourceNotFoundError
from opentelemetry.trace import SpanKind

from shared.adapters.identity import managed_identity
from shared.adapters.opening import Opening
from shared.counted_log import CountedLog
from shared.domain.errors import StoreUnavailable
from shared.resources import DATABASE
from shared.settings import Settings
from shared.telemetry import span, trace_id
from shared.use_cases.looking_up import Page, Position

type Document = dict[str, Any]

log = logging.getLogger(__name__)
failures: Final = CountedLog(log)

# Trying again helps: timeouts, too many requests, a partition that moves to another node, a fault of the service.
TRANSIENT_STATUSES: Final = frozenset({408, 410, 429, 449, 500, 502, 503, 504})

# Two retries after 0.2 and 0.4 s fit into the shortest COSMOS_TIMEOUT_SECONDS in use (1.5 s).
SDK_RETRIES: Final = 2
SDK_BACKOFF_FACTOR: Final = 0.2


class CosmosDatabase:
    """The database of this system. One for each process: opening a client costs several requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: CosmosClient | None = None
        self._containers: dict[str, ContainerProxy] = {}
        self._one_opens = asyncio.Lock()
        self._opening = Opening("Cosmos DB", settings.ssak8_warm_start_seconds)

    def open_at_start(self, containers: Sequence[str]) -> None:
        """Begins to open the client and the containers, on the running event loop. Calls wait for it: `opened`."""

        async def open_containers() -> None:
            for name in containers:
                await self._open_container(name)

        self._opening.start(open_containers)

    async def opened(self) -> None:
        """Returns once it is open, or could not be opened within SSAK8_WARM_START_SECONDS of the start."""
        await self._opening.wait()

    @asynccontextmanager
    async def container(self, name: str, operation: str) -> AsyncIterator[ContainerProxy]:
        """A container for one `operation`, the name of an SDK method, which traces show.

        At the start of a process it waits for what is being opened, outside the time of the operation.
        A call inside that fails or takes too long raises StoreUnavailable. The caller's own errors and expected
        outcomes (not found, conflict, failed precondition) are raised unchanged.
        """
        with span(
            f"{operation} {name}",
            SpanKind.CLIENT,
            db_system_name="azure.cosmosdb",
            db_namespace=DATABASE,
            db_collection_name=name,
            db_operation_name=operation,
        ):
            await self.opened()
            try:
                async with asyncio.timeout(self._settings.cosmos_timeout_seconds):
                    yield self._containers.get(name) or await self._open_container(name)
            except (AzureError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                status = getattr(error, "status_code", "")
                failures.warning(f"Cosmos DB, container {name}: {type(error).__name__} {status}", trace_id())
                raise self._unavailable() from error

    async def _open_container(self, name: str) -> ContainerProxy:
        async with self._one_opens:
            if opened := self._containers.get(name):
                return opened
            client = self._client or await self._open_client()
            container = client.get_database_client(DATABASE).get_container_client(name)
            try:
                await container.read()
            except CosmosResourceNotFoundError:
                # The SDK raises the same error for a missing item, which this is not.
                log.error("Cosmos DB has no container %s/%s", DATABASE, name)  # noqa: TRY400
                raise self._unavailable() from None
            self._containers[name] = container
        return container

    async def _open_client(self) -> CosmosClient:
        client = self._new_client()
        try:
            await client.__aenter__()
        except BaseException:
            await client.close()
            raise
        self._client = client
        return client

    def _unavailable(self) -> StoreUnavailable:
        retry_after = self._settings.store_retry_after_seconds
        return StoreUnavailable("The database does not respond.", retry_after)

    def _new_client(self) -> CosmosClient:
        # By default the transport looks up proxies and .netrc in a thread, twice for each request.
        options: dict[str, Any] = {
            "transport": AioHttpTransport(use_env_settings=False),
            "enable_compact_utf8_item_writes": True,
            "retry_total": SDK_RETRIES,
            "retry_backoff_factor": SDK_BACKOFF_FACTOR,
        }
        if self._settings.cosmos_connection:
            return CosmosClient.from_connection_string(self._settings.cosmos_connection.get_secret_value(), **options)
        credential = managed_identity(self._settings.cosmos_connection__client_id)
        return CosmosClient(str(self._settings.cosmos_connection__account_endpoint), credential, **options)

    async def close(self) -> None:
        """Closes the client; the next call opens another."""
        await self._opening.close()
        client, self._client = self._client, None
        self._containers.clear()
        if client:
            await client.close()


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed later. A 404 with a substatus is a missing session, not a missing item."""
    if isinstance(error, CosmosResourceNotFoundError):
        return bool(error.sub_status)
    if isinstance(error, CosmosBatchOperationError):
        return status_in_batch(error) in TRANSIENT_STATUSES
    return not isinstance(error, HttpResponseError) or error.status_code in (None, *TRANSIENT_STATUSES)


def status_in_batch(error: CosmosBatchOperationError) -> int:
    """The status of the operation that made the whole batch fail."""
    return int(error.operation_responses[error.error_index]["statusCode"])


@dataclass(frozen=True)
class NewestFirst[Item]:
    """A list over all partitions of a container, newest first.

    `first_page` and `next_page` are queries that sort by one property, so that its range index serves them. Both have
    the parameter @size, `next_page` has @after too, and both may have further `parameters`.
    """

    container: str
    first_page: str
    next_page: str
    parameters: dict[str, object]
    read: Callable[[Document], Item]
    position: Callable[[Item], Position]

    async def page(self, database: CosmosDatabase, size: int, after: Position | None) -> Page[Item]:
        """At most `size` items. Raises StoreUnavailable."""
        query = self.next_page if after else self.first_page
        # One item more shows whether there is another page.
        parameters = {**self.parameters, "@size": size + 1, **({"@after": after} if after else {})}
        async with database.container(self.container, "query_items") as container:
            documents = await first_items(container, query, parameters, size + 1)
        items = [self.read(document) for document in documents[:size]]
        return Page(items, self.position(items[-1]) if len(documents) > size else None)


async def first_items(
    container: ContainerProxy, query: str, parameters: dict[str, object], size: int
) -> Sequence[Document]:
    """The first `size` results of a query over all partitions."""
    results = container.query_items(
        query=query,
        parameters=[{"name": name, "value": value} for name, value in parameters.items()],
        max_item_count=size,
    )
    items: list[Document] = []
    async for item in results:
        items.append(item)
        if len(items) == size:
            break
    return items
