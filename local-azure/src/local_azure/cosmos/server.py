"""The server: a store, the service on top of it, and a socket that the SDKs connect to."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from local_azure import connection_strings
from local_azure.configuration import CosmosContainer
from local_azure.cosmos.limits import PURGE_INTERVAL_SECONDS
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.storage import Storage
from local_azure.cosmos.wire.authorization import Authorization
from local_azure.cosmos.wire.group_commit import GroupCommit
from local_azure.cosmos.wire.protocol import HttpProtocol
from local_azure.cosmos.wire.service import Service
from local_azure.listening import HOST

DEFAULT_KEY = "bG9jYWw="
"""The account key where none is given."""


class CosmosEmulator:
    """`async with CosmosEmulator(containers=[…]) as emulator:` serves until the block ends.

    `containers` are created where they are missing. `database` is a file, or ":memory:". `port` 0 takes a free one.
    `clock` gives seconds since 1970. Raises OSError when the port is taken, sqlite3.Error when the file is not ours,
    ValueError when the key is not base64.
    """

    def __init__(
        self,
        containers: Iterable[CosmosContainer] = (),
        database: str | os.PathLike[str] = ":memory:",
        port: int = 0,
        account_key: str = DEFAULT_KEY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._containers = list(containers)
        self._database = os.fspath(database)
        self._requested_port = port
        self._account_key = account_key
        self._clock = clock
        self._connections: set[asyncio.Transport] = set()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def connection_string(self) -> str:
        return connection_strings.cosmos(self.port, self._account_key)

    async def __aenter__(self) -> Self:
        authorization = Authorization(self._account_key)
        if self._database != ":memory:":
            Path(self._database).parent.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._storage = Storage(self._database)
        try:
            self._account = Account(self._storage, self._clock)
            self._create_missing_containers()
            self._commits = GroupCommit(self._storage, loop)
            service = Service(self._account, authorization)
            self._server = await loop.create_server(
                lambda: HttpProtocol(service.answer, self._commits, self._connections), HOST, self._requested_port
            )
        except BaseException:
            self._storage.close()
            raise
        self._purge = loop.call_later(PURGE_INTERVAL_SECONDS, self._purge_expired)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._purge.cancel()
        self._server.close()
        self._commits.commit()
        for connection in list(self._connections):
            connection.close()
        self._storage.close()

    def _create_missing_containers(self) -> None:
        catalog = self._account.catalog
        for wanted in self._containers:
            database = catalog.find_database(wanted.database) or catalog.create_database(wanted.database)
            if catalog.find_container(database.id, wanted.name) is None:
                catalog.create_container(database, _definition(wanted))
        if self._storage.pending:
            self._storage.commit()

    def _purge_expired(self) -> None:
        self._purge = asyncio.get_running_loop().call_later(PURGE_INTERVAL_SECONDS, self._purge_expired)
        self._account.items.purge()
        if self._storage.pending:
            self._commits.schedule()


def _definition(container: CosmosContainer) -> dict[str, object]:
    """The container as a client would create it."""
    indexes = [[path.model_dump() for path in index] for index in container.composite_indexes]
    return {
        "id": container.name,
        "partitionKey": {"paths": [container.partition_key], "kind": "Hash", "version": 2},
        "defaultTtl": container.default_ttl,
        "indexingPolicy": {"compositeIndexes": indexes} if indexes else None,
    }
