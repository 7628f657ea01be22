"""An app with triggers for both emulators, and without local.settings.json or a sample of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from local_azure.stack import Stack

DEADLINE_SECONDS = 60.0

FUNCTION_APP = """
import azure.functions as func

app = func.FunctionApp()

@app.service_bus_queue_trigger(arg_name="task", queue_name="tasks", connection="SERVICE_BUS")
def on_task(task: func.ServiceBusMessage) -> None:
    print("task:", task.get_body().decode(), flush=True)

@app.cosmos_db_trigger(
    arg_name="orders", connection="COSMOS", database_name="shop", container_name="orders", lease_container_name="leases"
)
def on_orders(orders: func.DocumentList) -> None:
    print("orders:", *[order["id"] for order in orders], flush=True)
"""

SETTINGS = """
[service_bus]
entities = "entities.json"

[cosmos]
containers = "containers.json"

[settings]
SERVICE_BUS = "Endpoint=sb://127.0.0.1:{service_bus_port};SharedAccessKeyName=a;SharedAccessKey=a;UseDevelopmentEmulator=true;"
COSMOS = "AccountEndpoint=http://127.0.0.1:{cosmos_port}/;AccountKey=bG9jYWw=;"

[apps.worker]
port = 0
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    (tmp_path / "function_app.py").write_text(FUNCTION_APP)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "local-azure.toml").write_text(SETTINGS)
    containers = [{"id": name, "partitionKey": {"paths": ["/id"]}} for name in ("orders", "leases")]
    (tmp_path / "containers.json").write_text(json.dumps({"databases": [{"id": "shop", "containers": containers}]}))
    namespace = {"Name": "here", "Queues": [{"Name": "tasks"}], "Topics": []}
    (tmp_path / "entities.json").write_text(json.dumps({"UserConfig": {"Namespaces": [namespace]}}))
    with Stack.start(tmp_path / "local-azure.toml") as stack:
        yield stack


def test_an_app_without_local_settings_gets_messages_and_changes(stack: Stack) -> None:
    with (
        ServiceBusClient.from_connection_string(stack.connection_string("service_bus")) as client,
        client.get_queue_sender("tasks") as sender,
    ):
        sender.send_messages(ServiceBusMessage("sweep"))
    with CosmosClient.from_connection_string(stack.connection_string("cosmos")) as client:
        client.get_database_client("shop").get_container_client("orders").create_item({"id": "order 1"})

    deadline = time.monotonic() + DEADLINE_SECONDS
    while not {"task: sweep", "orders: order 1"} <= set(stack.log("worker").splitlines()):
        assert time.monotonic() < deadline, stack.log("worker")
        time.sleep(0.05)
