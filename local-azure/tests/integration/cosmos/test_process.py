import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosResourceExistsError

from tests.integration.cosmos.clients import named
from tests.integration.cosmos.servers import DEADLINE_SECONDS, Server, running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_announces_that_it_is_ready_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path)

    ready = await server.start()
    code, errors = await server.stop(number)

    assert ready == f"ready http://127.0.0.1:{server.port}"
    assert (code, errors) == (0, "")


async def refusal(server: Server, *arguments: str) -> str:
    """The line it prints when it refuses to start."""
    process = await server.spawn(*arguments)
    async with asyncio.timeout(DEADLINE_SECONDS):
        output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert errors.count(b"\n") == 1
    return errors.decode()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert f"port {port} is taken" in await refusal(Server(tmp_path), "--port", str(port))


async def test_a_state_folder_in_use_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert "another process is using it" in await refusal(server, "--port", "0")


@pytest.mark.parametrize(
    ("settings", "named_setting"),
    [("[cosmos]\nkey = 'not base64!'", "cosmos.key"), ("[cosmos]\nport = 'x'", "cosmos.port"), ("[", "not valid")],
)
async def test_a_wrong_setting_is_named(tmp_path: Path, settings: str, named_setting: str) -> None:
    server = Server(tmp_path)
    (tmp_path / "local-azure.toml").write_text(settings)

    assert named_setting in await refusal(server)


async def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "cosmos.sqlite3").write_bytes(b"not a database" * 100)

    assert "cosmos.sqlite3: file is not a database" in await refusal(Server(tmp_path))


async def test_the_synchronous_sdk_works_too(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await asyncio.to_thread(use_the_sync_sdk, server.connection_string)


def use_the_sync_sdk(connection_string: str) -> None:
    with CosmosClient.from_connection_string(connection_string, timeout=DEADLINE_SECONDS) as client:
        database = client.create_database_if_not_exists("shop")
        orders = database.get_container_client("orders")
        orders.create_item({"id": "1", "customer": "kim"})
        orders.execute_item_batch([("create", ({"id": "2", "customer": "kim"},)), ("read", ("1",))], "kim")
        with pytest.raises(CosmosResourceExistsError):
            orders.create_item({"id": "1", "customer": "kim"})

        across: Any = {"enable_cross_partition_query": True, "parameters": named(last="3")}
        found = list(orders.query_items("SELECT VALUE c.id FROM c WHERE c.id < @last ORDER BY c.id DESC", **across))
        changed = [item["id"] for item in orders.query_items_change_feed(start_time="Beginning")]

        assert orders.read_item("2", "kim")["customer"] == "kim"
        assert found == ["2", "1"]
        assert changed == ["1", "2"]


async def test_a_container_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.containers.write_text(server.containers.read_text().replace("/customer", "customer"))

    assert "containers.json: shop/orders: The partition key path 'customer'" in await refusal(server)


async def test_a_start_changes_a_container_that_is_defined_differently(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        await server.stop(signal.SIGTERM)
        server.containers.write_text(server.containers.read_text().replace("-1", "60"))
        await server.start()

        with CosmosClient.from_connection_string(server.connection_string, timeout=DEADLINE_SECONDS) as client:
            properties = client.get_database_client("shop").get_container_client("orders").read()

    assert properties["defaultTtl"] == 60
