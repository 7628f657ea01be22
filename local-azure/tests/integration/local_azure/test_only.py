"""A stack that runs only some services of its settings file."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from local_azure.configuration import ConfigurationError
from local_azure.stack import Stack
from local_azure.supervisor.services import StackError
from tests.integration.local_azure.tiny_app import write_tiny_app

COSMOS = """
[cosmos]
port = 0
containers = "containers.json"
"""
CONTAINERS = {"databases": [{"id": "shop", "containers": [{"id": "orders", "partitionKey": {"paths": ["/id"]}}]}]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with Cosmos DB, a tiny function app, and a gateway that leads to it."""
    file = write_tiny_app(tmp_path)
    file.write_text(COSMOS + file.read_text())
    (tmp_path / "containers.json").write_text(json.dumps(CONTAINERS))
    return file


def up(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_azure", "up", "--detach", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 the program under test


def test_a_single_emulator_runs_with_its_containers(config: Path) -> None:
    with Stack.start(config, only=("cosmos",)) as stack:
        assert [status.name for status in stack.status()] == ["cosmos"]
        with pytest.raises(StackError, match="no service 'tiny'; there are cosmos"):
            stack.url("tiny")
        assert stack.services == ["cosmos"]
        with pytest.raises(StackError, match="'tiny' has no connection string; there are those of cosmos"):
            stack.connection_string("tiny")
        with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
            orders = client.get_database_client("shop").get_container_client("orders")
            assert orders.create_item({"id": "1"})["id"] == "1"


def test_the_service_bus_is_reached_by_its_connection_string(config: Path) -> None:
    entities = {"Name": "here", "Queues": [{"Name": "tasks"}], "Topics": []}
    (config.parent / "entities.json").write_text(json.dumps({"UserConfig": {"Namespaces": [entities]}}))
    config.write_text('[service_bus]\nentities = "entities.json"\n' + config.read_text())

    with (
        Stack.start(config, only=("service_bus",)) as stack,
        ServiceBusClient.from_connection_string(stack.connection_string("service_bus")) as client,
        client.get_queue_sender("tasks") as sender,
        client.get_queue_receiver("tasks", max_wait_time=10) as receiver,
    ):
        sender.send_messages(ServiceBusMessage("hello"))
        assert str(next(receiver)) == "hello"


def test_an_app_runs_without_the_emulators(config: Path) -> None:
    with (
        Stack.start(config, only=("tiny",)) as stack,
        urllib.request.urlopen(f"{stack.url('tiny')}/hello", timeout=10) as response,  # noqa: S310 an address of the stack
    ):
        assert response.read().decode() == f"hello from {stack.port('tiny')}"


def test_a_placeholder_of_a_service_that_is_not_started_is_its_configured_port(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        port = elsewhere.getsockname()[1]
        text = config.read_text().replace("[cosmos]\nport = 0", f"[cosmos]\nport = {port}")
        config.write_text(text.replace("{tiny_port}", "{cosmos_port}"))

        with (
            Stack.start(config, only=("tiny",), free_ports=False) as stack,
            urllib.request.urlopen(f"{stack.url('tiny')}/hello", timeout=10) as response,  # noqa: S310 the same
        ):
            assert response.read().decode() == f"hello from {port}"


def test_the_gateway_runs_with_the_apps_of_its_routes(config: Path) -> None:
    with (
        Stack.start(config, only=("gateway", "tiny")) as stack,
        urllib.request.urlopen(f"{stack.url('gateway')}/hello", timeout=10) as response,  # noqa: S310 the same
    ):
        assert response.status == 200


@pytest.mark.parametrize(
    ("only", "message"), [(("cosmo",), "choose from: cosmos, tiny, gateway"), (("gateway",), "lead to tiny")]
)
def test_a_selection_that_cannot_work_is_refused(config: Path, only: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Stack.start(config, only=only)


def test_the_command_line_selects_services(config: Path) -> None:
    refused = up(config, "--free-ports", "--only", "cosmo")
    started = up(config, "--free-ports", "--only", "cosmos", "--only", "tiny")
    with Stack(config.parent / ".local-azure") as stack:
        assert [status.name for status in stack.status()] == ["cosmos", "tiny"]

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "choose from" in refused.stderr
    assert (started.returncode, started.stderr) == (0, "")
    assert "curl" not in started.stdout, "the calls to copy are those of a whole stack"
