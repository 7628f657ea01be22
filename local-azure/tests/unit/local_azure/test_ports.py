import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.configuration import (
    AppSection,
    AzuriteSection,
    Configuration,
    ConfigurationError,
    GatewaySection,
    ProcessSection,
)
from local_azure.supervisor.ports import (
    ConfiguredPort,
    PortTakenError,
    assign_ports,
    configured_ports,
    free_ports,
    resolve,
    why_taken,
)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_every_service_of_the_settings_file_has_its_port() -> None:
    configuration = Configuration(
        azurite=AzuriteSection(queue_port=5),
        gateway=GatewaySection(port=8),
        processes={"idp": ProcessSection(port=7, command=["idp"])},
        apps={"one": AppSection(port=9)},
    )

    assert [(port.name, port.setting, port.number) for port in configured_ports(configuration)] == [
        ("gateway", "gateway.port", 8),
        ("azurite_blob", "azurite.blob_port", 10000),
        ("azurite_queue", "azurite.queue_port", 5),
        ("azurite_table", "azurite.table_port", 10002),
        ("idp", "processes.idp.port", 7),
        ("one", "apps.one.port", 9),
    ]


@pytest.mark.parametrize("name", ["gateway", "azurite", "azurite_blob", "idp", "supervisor"])
def test_an_app_must_not_have_the_name_of_another_service(name: str) -> None:
    configuration = Configuration(
        gateway=GatewaySection(),
        azurite=AzuriteSection(),
        processes={"idp": ProcessSection(port=2, command=["idp"])},
        apps={name: AppSection(folder=Path(), port=1)},
    )

    with pytest.raises(ConfigurationError, match=f"apps.{name}"):
        configured_ports(configuration)


def test_a_process_must_not_have_the_name_of_an_emulator() -> None:
    configuration = Configuration(
        gateway=GatewaySection(), processes={"gateway": ProcessSection(port=1, command=["idp"])}
    )

    with pytest.raises(ConfigurationError, match=r"processes\.gateway: another service"):
        configured_ports(configuration)


def test_a_taken_port_is_named_with_its_setting_its_owner_and_the_fix(taken_port: int) -> None:
    with pytest.raises(PortTakenError) as caught:
        assign_ports([ConfiguredPort("one", "apps.one.port", taken_port)], all_free=False)

    message = str(caught.value)
    assert f"port {taken_port} (apps.one.port) is taken by " in message
    assert "--free-ports" in message


def test_the_port_of_a_service_that_is_not_started_may_be_taken(taken_port: int) -> None:
    configured = [ConfiguredPort("one", "apps.one.port", taken_port)]

    assert assign_ports(configured, all_free=False, not_started={"one"}) == {"one": taken_port}


def test_two_services_with_one_port_are_refused() -> None:
    port = free_ports()()

    with pytest.raises(ConfigurationError, match=r"two\.port.*already"):
        assign_ports([ConfiguredPort("one", "one.port", port), ConfiguredPort("two", "two.port", port)], all_free=False)


def test_free_ports_are_different_free_and_not_those_configured(taken_port: int) -> None:
    configured = [ConfiguredPort(f"service{number}", "", taken_port) for number in range(9)]

    assigned = assign_ports(configured, all_free=True)

    assert len(set(assigned.values())) == 9
    assert all(why_taken(port) is None for port in assigned.values())


def test_port_zero_is_a_free_port() -> None:
    assert assign_ports([ConfiguredPort("one", "one.port", 0)], all_free=False)["one"] > 0


def test_placeholders_are_replaced_and_other_braces_kept() -> None:
    text = 'http://127.0.0.1:{kakao_port}/{"a": 1}/{id}'

    assert resolve(text, {"kakao": 7}, "settings.X") == 'http://127.0.0.1:7/{"a": 1}/{id}'


def test_an_unknown_placeholder_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"settings\.X: \{kaka_port\} is unknown; there are \{kakao_port\}"):
        resolve("{kaka_port}", {"kakao": 7}, "settings.X")
