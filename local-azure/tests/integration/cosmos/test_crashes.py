"""kill -9 at any moment: no acknowledged write is lost, no batch is partial, no change goes unread."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy

from tests.integration.cosmos.clients import connect, gather
from tests.integration.cosmos.servers import Server, running

WRITERS = 4
BATCHES_BEFORE_THE_KILL = 150
KILLS = 3


class Writers:
    """Writes batches of two until the server is gone, and returns those that were acknowledged."""

    def __init__(self, run: int) -> None:
        self._run = run
        self.acknowledged: set[str] = set()
        self.enough = asyncio.Event()

    async def write(self, orders: ContainerProxy, writer: int) -> None:
        number = 0
        while True:
            number += 1
            customer = f"{self._run}-{writer}-{number}"
            pair = [("create", ({"id": f"{customer}-{half}", "customer": customer},)) for half in ("a", "b")]
            await orders.execute_item_batch(pair, customer, no_response=True)
            self.acknowledged.add(customer)
            if len(self.acknowledged) >= BATCHES_BEFORE_THE_KILL:
                self.enough.set()

    async def until_killed(self, server: Server) -> None:
        async with connect(server.connection_string) as client:
            orders = client.get_database_client("shop").get_container_client("orders")
            tasks = [asyncio.create_task(self.write(orders, writer)) for writer in range(WRITERS)]
            await self.enough.wait()
            await server.stop(signal.SIGKILL)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(outcome, asyncio.CancelledError | AzureError) for outcome in outcomes)


class Reader:
    """Reads the change feed, and keeps its continuation as a processor keeps a lease."""

    def __init__(self) -> None:
        self._continuation: str | None = None
        self.read: list[dict[str, Any]] = []

    async def catch_up(self, server: Server) -> None:
        async with connect(server.connection_string) as client:
            orders = client.get_database_client("shop").get_container_client("orders")
            while True:
                start: dict[str, Any] = {"start_time": "Beginning"}
                if self._continuation is not None:
                    start = {"continuation": self._continuation}
                page = await gather(orders.query_items_change_feed(max_item_count=50, **start))
                self._continuation = orders.client_connection.last_response_headers["etag"]
                self.read += page
                if not page:
                    return


@pytest.mark.timeout(60)
async def test_killing_the_server_while_it_writes_loses_nothing_and_splits_nothing(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    reader = Reader()
    async with running(tmp_path) as server:
        for run in range(KILLS):
            writers = Writers(run)
            await writers.until_killed(server)
            acknowledged |= writers.acknowledged
            await server.start()
            await reader.catch_up(server)
        async with connect(server.connection_string) as client:
            orders = client.get_database_client("shop").get_container_client("orders")
            stored = await gather(orders.read_all_items())

    halves = Counter(item["customer"] for item in stored)
    assert set(halves.values()) == {2}
    assert acknowledged <= halves.keys()
    assert {item["id"] for item in reader.read} == {item["id"] for item in stored}
    lsns = [item["_lsn"] for item in reader.read]
    assert lsns == sorted(lsns)
