"""The server: the store, the service on top of it, and the socket for the SDKs."""

import asyncio
import logging
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from local_azure import connection_strings, steady_clock
from local_azure.configuration import CosmosSection
from local_azure.cosmos.definitions import CosmosContainer
from local_azure.cosmos.errors import CosmosError
from local_azure.cosmos.limits import PURGE_INTERVAL_SECONDS
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.storage import IN_MEMORY, Storage
from local_azure.cosmos.wire.authorization import Authorization
from local_azure.cosmos.wire.group_commit import GroupCommit
from local_azure.cosmos.wire.protocol import HttpProtocol
from local_azure.cosmos.wire.service import Service
from local_azure.cosmos.wire.slices import Slices
from local_azure.listening import BACKLOG, HOST, listening_socket

DEFAULT_KEY = CosmosSection().key

_log = logging.getLogger(__name__)


class CosmosEmulator:
    """`async with CosmosEmulator(containers=[…]) as emulator:` serves until the block ends.

    Creates or changes the `containers`. `database`: a file, or ":memory:". `port` 0: a free one; or a socket that
    listens. `clock` returns seconds since 1970. Raises OSError if the port is taken, InUseError if another process has
    the file, sqlite3.Error if it is not a database of this emulator, ValueError if the key is not base64, CosmosError
    if a container cannot be created or changed.
    """

    def __init__(
        self,
        containers: Iterable[CosmosContainer] = (),
        database: str | os.PathLike[str] = IN_MEMORY,
        port: int | socket.socket = 0,
        account_key: str = DEFAULT_KEY,
        clock: Callable[[], float] = steady_clock.seconds,
    ) -> None:
        self.port = port if isinstance(port, int) else int(port.getsockname()[1])
        self._account_key = account_key
        self._serving = _serve(list(containers), os.fspath(database), port, account_key, clock)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def connection_string(self) -> str:
        return connection_strings.cosmos(self.port, self._account_key)

    async def __aenter__(self) -> Self:
        self.port = await self._serving.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._serving.__aexit__(kind, error, trace)


@asynccontextmanager
async def _serve(
    containers: list[CosmosContainer],
    database: str,
    port: int | socket.socket,
    account_key: str,
    clock: Callable[[], float],
) -> AsyncIterator[int]:
    """Yields the port."""
    authorization = Authorization(account_key)
    if database != IN_MEMORY:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    storage = Storage(database)
    try:
        account = Account(storage, clock)
        _deploy(containers, account)
        service = Service(account, authorization)
        commits = GroupCommit(storage, loop)
        connections: set[asyncio.Transport] = set()
        slices = Slices(loop)
        listener = listening_socket(port) if isinstance(port, int) else port
        server = await loop.create_server(
            lambda: HttpProtocol(service.answer, commits, slices, connections), sock=listener, backlog=BACKLOG
        )
        purging = asyncio.create_task(_purge_expired(account, commits))
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            purging.cancel()
            server.close()
            commits.commit()
            for connection in list(connections):
                connection.close()
    finally:
        storage.close()


def _deploy(containers: Iterable[CosmosContainer], account: Account) -> None:
    """Creates what does not exist, and changes what is defined differently, as a deployment to Azure would.

    Raises CosmosError, whose message names the container.
    """
    catalog = account.catalog
    for container in containers:
        resource = container.resource()
        try:
            database = catalog.find_database(container.database) or catalog.create_database(container.database)
            existing = catalog.find_container(database.id, container.name)
            if existing is None:
                catalog.create_container(database, resource)
            elif catalog.differs(existing, resource):
                catalog.replace_container(existing, resource)
        except CosmosError as error:
            error.message = f"{container.database}/{container.name}: {error.message}"
            raise
    if account.storage.pending:
        account.storage.commit()


async def _purge_expired(account: Account, commits: GroupCommit) -> None:
    purged = 0
    while True:
        # As long as there are more, a batch in each turn of the loop: they may expire faster than a batch a second.
        await asyncio.sleep(0 if purged else PURGE_INTERVAL_SECONDS)
        try:
            purged = account.items.purge()
        except sqlite3.Error:
            purged = 0
            _log.exception("expired items could not be deleted; trying again in %s s", PURGE_INTERVAL_SECONDS)
        if account.storage.pending:
            commits.schedule()
