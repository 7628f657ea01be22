import sys
import uuid
from pathlib import Path

import pytest

from local_azure.configuration import (
    AppSection,
    AuthenticationSection,
    Configuration,
    ConfigurationError,
    CosmosSection,
    GatewaySection,
    ProcessSection,
)
from local_azure.identity.key import create_key, secret_of
from local_azure.supervisor.plan import StackLayout, plan
from local_azure.supervisor.services import Service

IDENTITY = uuid.UUID("0a000000-0000-4000-8000-00000000000c")
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


PROCESS = ProcessSection(
    port=5, command=["{python}", "-m", "idp", "--port={idp_port}"], health="/up", settings={"APP": "{one_port}"}
)


def with_process(process: ProcessSection, ports: dict[str, int] = PORTS | {"idp": 5}) -> dict[str, Service]:
    configuration = CONFIGURATION.model_copy(update={"processes": {"idp": process}})
    layout = StackLayout(Path("/home/app/local-azure.toml"), Path("/state"), ports)
    return {service.name: service for service in plan(configuration, layout)}


def test_a_process_runs_in_the_folder_of_the_settings_file_with_its_own_settings_only() -> None:
    idp = with_process(PROCESS)["idp"]

    assert idp.command == (sys.executable, "-m", "idp", "--port=5")
    assert (idp.folder, idp.ports, idp.health) == (Path("/home/app"), (5,), "/up")
    assert (idp.environment["APP"], "SHARED" in idp.environment) == ("3", False)


def test_apps_start_after_the_processes() -> None:
    services = with_process(PROCESS)

    assert list(services) == ["cosmos", "idp", "one", "two", "gateway"]
    assert services["one"].after == {"cosmos", "service_bus", "azurite", "idp"}


@pytest.mark.parametrize(
    "process",
    [
        ProcessSection(port=5, command=["{python}", "{cosmos_port}"]),
        ProcessSection(port=5, command=["{python}"], settings={"COSMOS": "http://127.0.0.1:{cosmos_port}"}),
    ],
)
def test_a_process_starts_after_the_emulators_that_it_names(process: ProcessSection) -> None:
    assert with_process(process)["idp"].after == {"cosmos"}
    assert with_process(PROCESS)["idp"].after == set()


def test_the_settings_of_an_app_may_contain_the_port_of_a_process() -> None:
    configuration = CONFIGURATION.model_copy(
        update={
            "processes": {"idp": PROCESS},
            "apps": {"one": AppSection(port=3, settings={"IDP": "http://127.0.0.1:{idp_port}"})},
        }
    )
    layout = StackLayout(Path("/home/app/local-azure.toml"), Path("/state"), PORTS | {"idp": 5})

    [one] = [service for service in plan(configuration, layout) if service.name == "one"]

    assert one.environment["IDP"] == "http://127.0.0.1:5"


@pytest.mark.parametrize("word", ["surely-no-such-program", "tools/none", "", "{pyton}"])
def test_a_process_without_a_program_is_refused_with_the_fix(word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"processes\.idp\.command: there is no program .*'{python}'"):
        with_process(ProcessSection(port=5, command=[word]))


def test_a_program_with_a_slash_is_relative_to_the_settings_file(tmp_path: Path) -> None:
    program = tmp_path / "tools" / "idp"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    process = ProcessSection(port=5, command=["tools/idp"])
    configuration = Configuration(folder=tmp_path, processes={"idp": process})

    [idp] = plan(configuration, StackLayout(tmp_path / "local-azure.toml", Path("/state"), {"idp": 5}))

    assert idp.command == (str(program),)


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        (ProcessSection(port=5, command=["{python}", "{three_port}"]), r"processes\.idp\.command"),
        (ProcessSection(port=5, command=["{python}"], settings={"X": "{three_port}"}), r"processes\.idp\.settings\.X"),
    ],
)
def test_an_unknown_placeholder_of_a_process_is_named(process: ProcessSection, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{setting}: {{three_port}} is unknown"):
        with_process(process)


def with_identities(folder: Path) -> dict[str, Service]:
    create_key(folder)
    configuration = CONFIGURATION.model_copy(
        update={
            "apps": {
                "one": AppSection(port=3, identity=IDENTITY),
                "two": AppSection(port=4, authentication=AuthenticationSection(audience="api://two", anonymous=False)),
            }
        }
    )
    layout = StackLayout(Path("/home/app/local-azure.toml"), folder, PORTS | {"identity": 5})
    return {service.name: service for service in plan(configuration, layout)}


def test_an_app_with_an_identity_knows_where_its_tokens_are(tmp_path: Path) -> None:
    services = with_identities(tmp_path)

    assert list(services) == ["cosmos", "identity", "one", "two", "gateway"]
    assert services["one"].environment["IDENTITY_ENDPOINT"] == "http://127.0.0.1:5/msi/token"
    assert services["one"].environment["IDENTITY_HEADER"] == secret_of("one", tmp_path)
    assert not {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} & set(services["two"].environment)
    assert services["identity"].command[-1] == f"--identity=one={IDENTITY}"


def test_secrets_are_not_on_the_command_line(tmp_path: Path) -> None:
    services = with_identities(tmp_path)
    secret = secret_of("one", tmp_path)

    assert not [word for service in services.values() for word in service.command if secret in word]


def test_only_an_app_with_authentication_verifies_tokens(tmp_path: Path) -> None:
    services = with_identities(tmp_path)

    assert services["two"].command[-3:] == ("--audience", "api://two", "--no-anonymous")
    assert "--audience" not in services["one"].command


def test_a_process_knows_the_state_folder() -> None:
    process = ProcessSection(command=["{python}", "--key={state}/key"], port=5, settings={"KEY": "{state}/key"})
    layout = StackLayout(Path("/home/app/local-azure.toml"), Path("/state"), {"idp": 5})

    [service] = plan(Configuration(folder=Path("/home/app"), processes={"idp": process}), layout)

    assert service.command[1:] == ("--key=/state/key",)
    assert service.environment["KEY"] == "/state/key"
