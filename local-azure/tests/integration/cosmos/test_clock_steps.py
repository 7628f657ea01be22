"""A step of the wall clock, an hour back or forth, changes no time to live."""

import asyncio
from pathlib import Path

import pytest
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from tests.integration.cosmos.clients import connect
from tests.integration.cosmos.servers import running

HOUR = 3600
TTL_SECONDS = 2
# The server, with a wall clock that is as many seconds ahead as the file says.
LAUNCHER = """
import runpy, time
from pathlib import Path

file, wall, wall_ns = Path({file!r}), time.time, time.time_ns
time.time = lambda: wall() + int(file.read_text())
time.time_ns = lambda: wall_ns() + int(file.read_text()) * 1_000_000_000
runpy.run_module("local_azure.cosmos", run_name="__main__")
"""


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
async def test_an_item_lives_as_long_as_its_ttl(tmp_path: Path, seconds: int) -> None:
    ahead = tmp_path / "seconds-ahead"
    ahead.write_text("0")
    async with (
        running(tmp_path, "-c", LAUNCHER.format(file=str(ahead))) as server,
        connect(server.connection_string) as client,
    ):
        orders = client.get_database_client("shop").get_container_client("orders")
        await orders.create_item({"id": "1", "customer": "kim", "ttl": TTL_SECONDS})
        ahead.write_text(str(seconds))

        assert (await orders.read_item("1", "kim"))["ttl"] == TTL_SECONDS
        await asyncio.sleep(TTL_SECONDS + 1)
        with pytest.raises(CosmosResourceNotFoundError):
            await orders.read_item("1", "kim")
