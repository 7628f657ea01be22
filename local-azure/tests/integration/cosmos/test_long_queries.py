"""A query that reads many items delays nobody, and its memory does not follow their number."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.cosmos.aio import ContainerProxy

from local_azure.cosmos.store import partition_keys
from local_azure.cosmos.store.account import Account
from local_azure.cosmos.store.items import Commit
from local_azure.cosmos.store.storage import Storage
from tests.integration.cosmos.clients import connect, gather, query
from tests.integration.cosmos.servers import Server, running

ITEMS = 60_000
PADDING = "x" * 500
# 60,000 items of 700 bytes are 42 MB as text and more than 100 MB as objects; what is kept of them are pages.
MOST_GROWTH_BYTES = 30 * 1024 * 1024


def fill(state: Path) -> None:
    """Faster than by HTTP."""
    state.mkdir()
    storage = Storage(str(state / "cosmos.sqlite3"))
    account = Account(storage, time.time)
    database = account.catalog.create_database("shop")
    key = {"paths": ["/customer"], "kind": "Hash", "version": 2}
    container = account.catalog.create_container(database, {"id": "orders", "partitionKey": key, "defaultTtl": -1})
    for number in range(ITEMS):
        item = {"id": f"{number:06}", "customer": f"{number % 100}", "n": number * 7919 % ITEMS, "text": PADDING}
        account.items.create(Commit(container, partition_keys.of_values([item["customer"]])), item)
    storage.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    fill(folder / "state")
    return folder


@pytest.fixture
async def server(state: Path) -> AsyncIterator[Server]:
    async with running(state) as server:
        yield server


@pytest.fixture
async def orders(server: Server) -> AsyncIterator[ContainerProxy]:
    async with connect(server.connection_string) as client:
        yield client.get_database_client("shop").get_container_client("orders")


def memory(server: Server) -> int:
    """Without the pages of the database file, which are mapped and shared."""
    info = psutil.Process(server.pid).memory_full_info()
    return int(info.uss)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT VALUE COUNT(1) FROM c WHERE c.text = 'y'", [0]),
        ("SELECT TOP 2 VALUE c.n FROM c ORDER BY c.n DESC", [ITEMS - 1, ITEMS - 2]),
        ("SELECT VALUE SUM(c.n) FROM c", [ITEMS * (ITEMS - 1) // 2]),
    ],
)
async def test_writes_and_reads_go_on_during_a_long_query(
    orders: ContainerProxy, text: str, expected: list[Any]
) -> None:
    long_query = asyncio.create_task(query(orders, text))
    answered = 0
    while not long_query.done():
        await orders.upsert_item({"id": "other", "customer": "new"})
        await orders.read_item("other", "new")
        answered += 1

    assert await long_query == expected
    # On the loop in one piece, the query would let one pair through, or two.
    assert answered >= 5
    await orders.delete_item("other", "new")


async def test_the_memory_of_a_list_and_of_a_sort_does_not_follow_the_number_of_items(
    server: Server, orders: ContainerProxy
) -> None:
    await query(orders, "SELECT TOP 100 * FROM c ORDER BY c.n")
    before = memory(server)

    listed = await gather(orders.query_items("SELECT VALUE c.id FROM c", max_item_count=1000))
    top = await query(orders, "SELECT TOP 1000 VALUE c.n FROM c ORDER BY c.n", max_item_count=1000)
    names = await query(orders, "SELECT DISTINCT VALUE c.customer FROM c")

    assert (len(listed), top, len(names)) == (ITEMS, list(range(1000)), 100)
    assert memory(server) - before < MOST_GROWTH_BYTES
