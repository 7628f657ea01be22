"""Listens to the change feed of a container."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local_azure.functions_host.datums import Datum
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.triggers.cosmos_db.change_feed import ChangeFeed, Page, Start
from local_azure.functions_host.triggers.cosmos_db.leases import Lease, LeaseLost, LeaseStore, lease_identity
from local_azure.functions_host.triggers.cosmos_db.settings import LEASE_PARTITION_KEY, MILLISECONDS, Account
from local_azure.functions_host.triggers.outage import Outage, Session, StopSignal, stay_connected
from local_azure.functions_host.triggers.retry import invoke_with_retries
from local_azure.functions_host.worker import Call, Worker

logger = logging.getLogger(__name__)

# Seconds. The release is short: a lease that is not released expires.
OPERATION_TIMEOUT = 15.0
RELEASE_TIMEOUT = 1.0


class CosmosDBListener:
    """Feeds `function` with batches of changes. `owner`: the name of the app. Raises StartError."""

    def __init__(self, function: Function, worker: Worker, owner: str) -> None:
        self._function = function
        self._worker = worker
        self._owner = owner
        self._account = Account(function)
        self._settings = self._account.settings
        self._start = _start(
            function.name, self._settings.start_from_time, from_beginning=self._settings.start_from_beginning
        )
        self._stopping = StopSignal()
        subject = f"Cosmos DB {self._settings.database_name}/{self._settings.container_name}"
        self._outage = Outage(f"function={function.name}: {subject}")

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Returns after stop(), once the current batch is finished and checkpointed."""
        await stay_connected(self._serve, self._outage, self._stopping)

    async def _serve(self, session: Session) -> None:
        lease_client = session.opened(self._account.lease_client())
        container = self._account.monitored_container(session.opened(self._account.monitored_client()))
        async with asyncio.timeout(OPERATION_TIMEOUT):
            await container.read()
            leases = await self._lease_store(lease_client)
        feed = ChangeFeed(container, self._start, self._settings.max_items_per_invocation)
        await self._read_while_owner(leases, feed)

    async def _lease_store(self, client: CosmosClient) -> LeaseStore:
        settings = self._settings
        database = client.get_database_client(self._account.lease_database)
        container: ContainerProxy
        if settings.create_lease_container_if_not_exists:
            key = PartitionKey(LEASE_PARTITION_KEY)
            container = await database.create_container_if_not_exists(settings.lease_container_name, key)
        else:
            container = database.get_container_client(settings.lease_container_name)
            await container.read()
        identity = lease_identity(settings.lease_container_prefix, settings.database_name, settings.container_name)
        return LeaseStore(container, identity, self._owner, settings.lease_expiration_interval / MILLISECONDS)

    async def _read_while_owner(self, leases: LeaseStore, feed: ChangeFeed) -> None:
        while not self._stopping:
            async with asyncio.timeout(OPERATION_TIMEOUT):
                lease = await leases.acquire()
            if lease is None:
                await self._stopping.wait(self._settings.lease_acquire_interval / MILLISECONDS)
                continue
            held = HeldLease(leases, lease, self._settings.lease_renew_interval / MILLISECONDS)
            with suppress(LeaseLost):
                async with held.renewed():
                    await self._read(held, feed)

    async def _read(self, held: "HeldLease", feed: ChangeFeed) -> None:
        while not self._stopping and not held.lost:
            page = await feed.read(held.continuation)
            self._outage.over()
            if page.items:
                if await self._deliver(page, held):
                    await held.checkpoint(page.continuation)
                continue
            if held.continuation is None:
                # Stores where "now" was: changes while this host is down must not be skipped.
                await held.checkpoint(page.continuation)
            else:
                held.continuation = page.continuation
            await self._stopping.wait(self._settings.feed_poll_delay / MILLISECONDS)

    async def _deliver(self, page: Page, held: "HeldLease") -> bool:
        """Whether the feed can move on: the batch was delivered, or its retries are exhausted and it is lost."""
        call = Call(Datum(json.dumps(page.items), "json"), {}, continue_trace(None))
        result = await invoke_with_retries(
            self._worker, self._function, call, self._stopping, proceed=lambda: not held.lost
        )
        if result is not None and not result.succeeded:
            logger.error(
                "function=%s: %d changes are lost: the function failed and its retry policy allows no more attempts",
                self._function.name,
                len(page.items),
            )
        return result is not None


class HeldLease:
    """A lease that this host owns. While there are no changes, `continuation` is ahead of the stored one."""

    def __init__(self, leases: LeaseStore, lease: Lease, renew_interval: float) -> None:
        self._leases = leases
        self._lease = lease
        self._renew_interval = renew_interval
        self._writing = asyncio.Lock()
        self.continuation = lease.continuation
        self.lost = False

    async def checkpoint(self, continuation: str) -> None:
        """Stores the position in the feed. Raises LeaseLost."""
        self.continuation = continuation
        await self._write()

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renews the lease inside the block, and releases it at its end."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
        if not self.lost:
            # A lease that cannot be released expires, and this app can acquire it again at once.
            with suppress(AzureError, TimeoutError, LeaseLost):
                async with asyncio.timeout(RELEASE_TIMEOUT):
                    await self._leases.release(self._lease)

    async def _renew(self) -> None:
        while not self.lost:
            await asyncio.sleep(self._renew_interval)
            try:
                await self._write()
            except LeaseLost:
                return
            except Exception as error:  # the reader reports the outage
                logger.debug("lease not renewed: %s", error)

    async def _write(self) -> None:
        async with self._writing:
            try:
                async with asyncio.timeout(OPERATION_TIMEOUT):
                    self._lease = await self._leases.write(
                        Lease(self._lease.owner, self.continuation, self._lease.duration, self._lease.etag)
                    )
            except LeaseLost:
                self.lost = True
                raise


def _start(function: str, moment: str | None, *, from_beginning: bool) -> Start:
    if moment is not None:
        try:
            return datetime.fromisoformat(moment)
        except ValueError:
            raise StartError(f"function {function}: startFromTime {moment!r} is not a time in ISO 8601") from None
    return "Beginning" if from_beginning else "Now"
