import json
from pathlib import Path

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.__main__ import main
from tools.delivery.environments import Template
from tools.delivery.preconditions import problems

ACCOUNT = {"id": "1234", "tenantId": "5678", "name": "house-cleaning", "state": "Enabled"}
PARAMETERS = """using './system.bicep'
param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
"""
TEMPLATE = """@description('Receives the alerts.')
@minLength(3)
param operatorEmail string
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the environments dev and prod."""
    folder = tmp_path / "infra/bicep"
    folder.mkdir(parents=True)
    for template in Template:
        (folder / f"{template}.bicep").write_text(TEMPLATE)
        for name in ("dev", "prod"):
            (folder / f"{template}.{name}.bicepparam").write_text(PARAMETERS)
    monkeypatch.setenv("OPERATOR_EMAIL", "operator@example.org")
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    return tmp_path


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    """An Azure CLI that has everything."""
    fake = FakeCommand(tmp_path / "bin", "az")
    monkeypatch.setenv("PATH", str(fake.folder))
    fake.answers("version", {"azure-cli": "2.87.0"})
    fake.answers("account show", ACCOUNT)
    fake.answers("group exists", answer=True)
    return fake


def remedies(name: str, root: Path) -> list[str]:
    return [problem.remedy for problem in problems(name, root, Template.SYSTEM)]


def test_nothing_is_missing_if_everything_is_in_place(root: Path, az: FakeCommand) -> None:
    assert problems("dev", root, Template.SYSTEM) == []


@pytest.mark.parametrize("name", ["", "test", "*"])
def test_an_unknown_environment_is_reported_with_the_known_ones(root: Path, az: FakeCommand, name: str) -> None:
    assert remedies(name, root) == ["name one of dev, prod: ENV=dev"]


def test_a_missing_azure_cli_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert remedies("dev", root) == ["install it: https://learn.microsoft.com/cli/azure/install-azure-cli"]


@pytest.mark.parametrize("version", ["2.9.1", "2.86.0"])
def test_an_azure_cli_that_never_ends_on_an_unhealthy_app_is_reported(
    root: Path, az: FakeCommand, version: str
) -> None:
    az.answers("version", {"azure-cli": version})

    assert remedies("dev", root) == ["run `az upgrade`"]


def test_a_missing_sign_in_and_a_missing_bicep_are_reported(root: Path, az: FakeCommand) -> None:
    az.answers("account show", code=1, error="Please run 'az login' to setup account.")
    az.answers("bicep version", code=1, error="Bicep CLI not found.")

    assert remedies("dev", root) == ["run `az login`", "run `az bicep install`"]


@pytest.mark.parametrize("account", [{"id": "5678"}, {"state": "Disabled"}])
def test_an_unusable_subscription_is_reported(root: Path, az: FakeCommand, account: dict[str, str]) -> None:
    az.answers("account show", {**ACCOUNT, **account})

    [remedy] = remedies("dev", root)
    assert "az account set --subscription" in remedy


def test_a_subscription_other_than_the_one_in_the_environment_is_reported(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "4321")

    assert remedies("dev", root) == ["run `az account set --subscription 4321`"]


def test_a_missing_variable_of_the_parameters_is_reported(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPERATOR_EMAIL")

    [problem] = problems("dev", root, Template.SYSTEM)
    assert problem.what == "OPERATOR_EMAIL is not set. Receives the alerts."
    assert problem.remedy == "export OPERATOR_EMAIL=…"
    assert problems("dev", root, None) == []


def test_every_resource_provider_that_is_not_registered_is_reported(root: Path, az: FakeCommand) -> None:
    types = ["Microsoft.Web/sites", "Microsoft.Storage/storageAccounts", "Microsoft.Insights/components"]
    subnet = {"properties": {"delegations": [{"properties": {"serviceName": "Microsoft.App/environments"}}]}}
    network = {"type": "Microsoft.Network/virtualNetworks", "properties": {"subnets": [subnet]}}
    snapshot = {"predictedResources": [*({"type": name} for name in types), network]}
    (root / "infra/bicep/system.dev.snapshot.json").write_text(json.dumps(snapshot))
    states = {
        "Microsoft.Web": "NotRegistered",
        "microsoft.insights": "Registered",  # as Azure spells it
        "Microsoft.Network": "Registering",
        "Microsoft.App": "Unregistered",
        "Microsoft.Batch": "NotRegistered",
    }
    az.answers("provider list", [{"name": name, "state": state} for name, state in states.items()])

    found = problems("dev", root, Template.SYSTEM)

    assert [problem.remedy for problem in found] == [
        f"run `az provider register --namespace Microsoft.{name} --wait`"
        for name in ("App", "Network", "Storage", "Web")
    ]
    assert found[0].what == "The resource provider Microsoft.App is Unregistered in the subscription."
    assert problems("dev", root, None) == []


def test_a_missing_resource_group_is_reported_unless_it_is_to_be_created(root: Path, az: FakeCommand) -> None:
    az.answers("group exists --name rg-dev", answer=False)

    assert remedies("dev", root) == ["run `make foundation ENV=dev`, once, with the role Owner"]
    assert problems("dev", root, Template.FOUNDATION) == []


@pytest.mark.parametrize("command", ["provider list", "group exists"])
def test_who_may_not_read_the_subscription_is_not_stopped(root: Path, az: FakeCommand, command: str) -> None:
    # An identity with roles on its resource group only.
    az.answers(command, code=1, error="(AuthorizationFailed) The client does not have authorization")

    assert problems("dev", root, Template.SYSTEM) == []


def test_everything_that_is_missing_is_reported_before_anything_is_done(
    root: Path, az: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPERATOR_EMAIL")
    az.answers("account show", code=1)

    code = main(["deploy", "dev", "--package", str(root / "none.zip")], root)

    assert code == 2
    output = capsys.readouterr().err
    assert [line.strip() for line in output.splitlines() if line.startswith("  ")] == [
        "To do: export OPERATOR_EMAIL=…",
        "To do: run `az login`",
        "To do: name an existing one; `make package` builds dist/ssak8.zip",
    ]
    assert az.calls("deployment") == []
