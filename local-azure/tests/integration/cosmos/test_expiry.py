import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from azure.cosmos.aio import ContainerProxy

from tests.integration.cosmos.clients import Clock

DEADLINE_SECONDS = 60.0
EXPIRING = 1_000  # ten times what is deleted at once, so that one batch a second would not be enough


async def test_many_items_that_expire_together_are_deleted_within_seconds(
    orders: ContainerProxy, clock: Clock, tmp_path: Path
) -> None:
    for start in range(0, EXPIRING, 100):
        batch = [
            ("create", ({"id": f"{number}", "customer": "kim", "ttl": 10},)) for number in range(start, start + 100)
        ]
        await orders.execute_item_batch(batch, "kim")
    await orders.create_item({"id": "kept", "customer": "kim"})

    clock.now += 11

    deadline = time.monotonic() + DEADLINE_SECONDS
    while stored(tmp_path / "cosmos.sqlite3") > 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert (await orders.read_item("kept", "kim"))["id"] == "kept"


def stored(file: Path) -> int:
    """Rows of the table, expired ones too."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM items_1").fetchone()
    return int(count)
