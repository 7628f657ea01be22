"""App settings, host.json and trigger settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_azure.functions_host.app_settings import LocalSettings, expand_settings, is_disabled
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function
from local_azure.functions_host.host_json import ExtensionsSection, HostJson
from local_azure.functions_host.triggers.connections import resolve
from local_azure.functions_host.triggers.listeners import Listeners
from local_azure.functions_host.worker import Worker


def write(folder: Path, name: str, content: Any) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder


def test_local_settings_do_not_override_the_environment(tmp_path: Path) -> None:
    settings = LocalSettings.load(write(tmp_path, "local.settings.json", {"Values": {"A": "file", "B": "file"}}))
    environment = {"A": "environment"}

    settings.apply(environment)

    assert environment["A"] == "environment"
    assert environment["B"] == "file"
    assert environment["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"


@pytest.mark.parametrize("content", [{"Vaules": {}}, {"IsEncrypted": True}, {"Host": {"LocalHttpPort": "x"}}])
def test_unsupported_local_settings_are_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(StartError, match=r"local\.settings\.json"):
        LocalSettings.load(write(tmp_path, "local.settings.json", content))


def test_a_binding_refers_to_app_settings() -> None:
    binding = {"name": "m", "topicName": "%TOPIC%-x", "cardinality": "ONE", "prefetch": 3}

    assert expand_settings("f", binding, {"TOPIC": "events"}) == {**binding, "topicName": "events-x"}
    with pytest.raises(StartError, match="function f: the app setting TOPIC"):
        expand_settings("f", binding, {})


@pytest.mark.parametrize("name", ["AzureWebJobs.send-kakao.Disabled", "AzureWebJobs_send-kakao_Disabled"])
def test_a_function_is_disabled_by_either_spelling(name: str) -> None:
    assert is_disabled("send-kakao", {name: "true"})
    assert not is_disabled("send-kakao", {name: "false"})
    assert not is_disabled("other", {name: "true"})


def test_a_connection_is_a_connection_string_or_an_address() -> None:
    assert resolve("f", "BUS", "fullyQualifiedNamespace", {"BUS": "Endpoint=x"}).connection_string == "Endpoint=x"
    assert resolve("f", "BUS", "fullyQualifiedNamespace", {"BUS__fullyQualifiedNamespace": "n"}).address == "n"
    with pytest.raises(StartError, match="BUS__fullyQualifiedNamespace is not set"):
        resolve("f", "BUS", "fullyQualifiedNamespace", {})


def test_host_json_has_the_defaults_of_azure(tmp_path: Path) -> None:
    host = HostJson.load(write(tmp_path, "host.json", {"version": "2.0"}), {})

    assert host.timeout == 1800
    assert host.extensions.http.route_prefix == "api"
    assert host.extensions.service_bus.max_auto_lock_renewal_duration == 300
    assert host.extensions.service_bus.auto_complete_messages


def test_host_json_is_read(tmp_path: Path) -> None:
    service_bus = {"prefetchCount": 10, "maxConcurrentCalls": 4, "maxAutoLockRenewalDuration": "00:01:30"}
    content = {
        "version": "2.0",
        "functionTimeout": "-1",
        "extensionBundle": {"id": "x"},
        "extensions": {"http": {"routePrefix": ""}, "serviceBus": service_bus, "cosmosDB": {}},
    }

    host = HostJson.load(write(tmp_path, "host.json", content), {})

    assert host.timeout is None
    assert host.extensions.http.route_prefix == ""
    assert host.extensions.service_bus.max_concurrent_calls == 4
    assert host.extensions.service_bus.max_auto_lock_renewal_duration == 90


@pytest.mark.parametrize(
    ("content", "setting"),
    [
        ({}, "version"),
        ({"version": "1.0"}, "version"),
        ({"version": "2.0", "extensions": {"queues": {}}}, "extensions.queues"),
        ({"version": "2.0", "extensions": {"http": {"routeprefix": ""}}}, "extensions.http.routeprefix"),
        ({"version": "2.0", "extensions": {"http": {"dynamicThrottlesEnabled": True}}}, "dynamicThrottlesEnabled"),
        ({"version": "2.0", "functionTimeout": "soon"}, "functionTimeout"),
        ([], "host.json"),
    ],
)
def test_an_unsupported_setting_of_host_json_is_refused_and_named(tmp_path: Path, content: Any, setting: str) -> None:
    with pytest.raises(StartError, match=setting):
        HostJson.load(write(tmp_path, "host.json", content), {})


def test_an_app_setting_overrides_host_json(tmp_path: Path) -> None:
    environment = {
        "AzureFunctionsJobHost__extensions__http__routePrefix": "v1",
        "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls": "3",
    }
    folder = write(tmp_path, "host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": "api"}}})

    host = HostJson.load(folder, environment)

    assert host.extensions.http.route_prefix == "v1"
    assert host.extensions.service_bus.max_concurrent_calls == 3


def test_host_json_is_validated_against_its_schema(tmp_path: Path) -> None:
    schema = {"properties": {"functionTimeout": {"pattern": "^00:"}}}
    write(tmp_path, "host.schema.json", schema)
    content = {"$schema": "host.schema.json", "version": "2.0", "functionTimeout": "01:00:00"}

    with pytest.raises(StartError, match="functionTimeout: '01:00:00' does not match"):
        HostJson.load(write(tmp_path, "host.json", content), {})


def binding(kind: str, **settings: Any) -> Function:
    return Function("f", "1", ({"name": "m", "type": kind, "direction": "IN", **settings},))


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (binding("timerTrigger", schedule="* * *"), r"function f: schedule: '\* \* \*' has 3 fields"),
        (
            binding("timerTrigger", schedule="0 0 * * * *", runOnce=True),
            "timerTrigger setting runOnce: is not supported",
        ),
        (binding("serviceBusTrigger", connection="BUS", queueName="q"), "the app setting BUS .* is not set; set it in"),
        (binding("serviceBusTrigger", connection="B", queueName="q", isSessionsEnabled=True), "isSessionsEnabled"),
        (
            binding("cosmosDBTrigger", connection="C", databaseName="d", containerName="c", changeFeedMode="ALL"),
            "changeFeedMode",
        ),
    ],
)
def test_an_unsupported_trigger_setting_is_refused_and_named(tmp_path: Path, function: Function, error: str) -> None:
    with pytest.raises(StartError, match=error):
        Listeners([function], Worker(None), ExtensionsSection(), "app", tmp_path)


def test_a_batch_cannot_be_smaller_than_its_minimum(tmp_path: Path) -> None:
    section = {"serviceBus": {"minMessageBatchSize": 9, "maxMessageBatchSize": 8}}
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "extensions": section}))

    with pytest.raises(StartError, match="minMessageBatchSize must be at most maxMessageBatchSize"):
        HostJson.load(tmp_path)
