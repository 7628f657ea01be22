from pathlib import Path

import pytest

from local_azure.configuration import AppSection, Configuration, ConfigurationError, CosmosSection, GatewaySection
from local_azure.supervisor.plan import StackLayout, plan
from local_azure.supervisor.services import Service

PORTS = {"cosmos": 1, "gateway": 2, "one": 3, "two": 4}
CONFIGURATION = Configuration(
    folder=Path("/home/app"),
    cosmos=CosmosSection(port=1),
    gateway=GatewaySection(port=2),
    settings={"COSMOS": "http://127.0.0.1:{cosmos_port}", "SHARED": "all"},
    apps={
        "one": AppSection(port=3, settings={"OTHER": "http://127.0.0.1:{two_port}", "SHARED": "own"}),
        "two": AppSection(port=4, folder=Path("second")),
    },
)


def planned(configuration: Configuration = CONFIGURATION) -> dict[str, Service]:
    layout = StackLayout(Path("/home/app/local-azure.toml"), Path("/state"), PORTS)
    return {service.name: service for service in plan(configuration, layout)}


def test_only_what_the_settings_file_names_runs() -> None:
    assert list(planned()) == ["cosmos", "one", "two", "gateway"]


def test_the_settings_of_an_app_override_the_common_ones() -> None:
    environment = planned()["one"].environment

    assert environment["COSMOS"] == "http://127.0.0.1:1"
    assert environment["OTHER"] == "http://127.0.0.1:4"
    assert environment["SHARED"] == "own"
    assert planned()["two"].environment["SHARED"] == "all"


def test_only_apps_get_settings() -> None:
    assert not {"COSMOS", "SHARED"} & set(planned()["gateway"].environment)


def test_an_app_runs_in_its_folder_after_the_emulators() -> None:
    two = planned()["two"]

    assert two.folder == Path("/home/app/second")
    options = ("--app", "/home/app/second", "--name", "two", "--state", "/state", "--grace", "30")
    assert two.command[-len(options) :] == options
    assert "cosmos" in two.after


def test_an_emulator_gets_the_settings_file_and_the_state_folder() -> None:
    arguments = planned()["cosmos"].command[1:]

    assert arguments == (
        *("-m", "local_azure.cosmos", "--config", "/home/app/local-azure.toml"),
        *("--state", "/state"),
    )
    assert planned()["cosmos"].ports == (1,)


def test_the_gateway_gets_the_addresses_of_the_apps() -> None:
    assert {"--upstream=one=http://127.0.0.1:3", "--upstream=two=http://127.0.0.1:4"} < set(
        planned()["gateway"].command
    )


def test_an_unknown_placeholder_in_an_apps_settings_is_named() -> None:
    wrong = CONFIGURATION.model_copy(update={"apps": {"one": AppSection(port=3, settings={"X": "{three_port}"})}})

    with pytest.raises(ConfigurationError, match=r"apps\.one\.settings\.X"):
        planned(wrong)
