"""Entra ID gets to know my page: infra/bicep/register-my-page, and the hook by which azd runs it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.paths import ROOT

CLIENT_ID = "00000000-0000-0000-0000-00000000000a"
TENANT = "00000000-0000-0000-0000-00000000000d"
PRINCIPAL = "00000000-0000-0000-0000-00000000000e"
ADDRESS = "https://apim-1.azure-api.net"
REDIRECT = f"{ADDRESS}/operators/login/callback"
TIMEOUT_SECONDS = 60
TOOLS = ("env", "sh", "dirname", "timeout")


@pytest.fixture
def az(tmp_path: Path) -> FakeCommand:
    """A registration that does not know my page."""
    fake = FakeCommand(tmp_path / "bin", "az")
    fake.answers("ad app list --display-name ssak8-test ", CLIENT_ID)
    fake.answers("ad app show", "")
    fake.answers("ad app federated-credential list", "")
    fake.answers("account show", TENANT)
    for tool in TOOLS:
        (fake.folder / tool).symlink_to(str(shutil.which(tool)))
    return fake


def run(az: FakeCommand, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 our own script
        [ROOT / command[0], *command[1:]],
        cwd=ROOT,
        env={"PATH": str(az.folder), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def register(az: FakeCommand, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(az, "infra/bicep/register-my-page", *(arguments or ("test", ADDRESS, PRINCIPAL)))


def test_my_page_is_where_people_are_sent_back_to_and_its_identity_is_trusted(az: FakeCommand) -> None:
    finished = register(az)

    assert finished.returncode == 0, finished.stderr
    assert az.calls("ad app update") == [f"ad app update --id {CLIENT_ID} --web-redirect-uris {REDIRECT}"]
    [create] = az.calls("federated-credential create")
    [credential] = re.findall(r"--parameters (\{.*\})$", create)
    # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    assert json.loads(credential) == {
        "name": "my-page",
        "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "subject": PRINCIPAL,
        "audiences": ["api://AzureADTokenExchange"],
    }


def test_no_secret_is_made(az: FakeCommand) -> None:
    assert register(az).returncode == 0

    assert az.calls("credential reset") + az.calls("password") == []


def test_what_is_known_already_is_left_alone(az: FakeCommand) -> None:
    az.answers("ad app show", f"{REDIRECT}\nhttps://other.example.org/callback")
    az.answers("ad app federated-credential list", PRINCIPAL)

    assert register(az).returncode == 0
    assert not [call for call in az.calls() if re.search(r"\b(update|create|delete)\b", call)]


def test_a_new_address_is_added_to_those_before(az: FakeCommand) -> None:
    az.answers("ad app show", f"https://one.example.org/x\n{REDIRECT}/longer")

    assert register(az).returncode == 0
    known = f"https://one.example.org/x {REDIRECT}/longer"
    assert az.calls("ad app update") == [f"ad app update --id {CLIENT_ID} --web-redirect-uris {known} {REDIRECT}"]


def test_the_identity_of_an_environment_made_anew_takes_the_place_of_the_one_before(az: FakeCommand) -> None:
    az.answers("ad app federated-credential list", "the one before")

    assert register(az).returncode == 0
    assert [call.split()[3] for call in az.calls("federated-credential")] == ["list", "delete", "create"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test",), "Which environment, address and identity?"),
        (("test", "", PRINCIPAL), "Which environment, address and identity?"),
        (("test", "http://apim-1.azure-api.net", PRINCIPAL), "it begins with https://"),
    ],
)
def test_a_wrong_call_changes_nothing(az: FakeCommand, arguments: tuple[str, ...], message: str) -> None:
    finished = register(az, *arguments)

    assert (finished.returncode, message in finished.stderr) == (2, True)
    assert az.calls() == []


def test_without_a_registration_it_says_how_to_make_one(az: FakeCommand) -> None:
    az.answers("ad app list", "")

    finished = register(az)

    assert finished.returncode == 1
    assert "infra/bicep/register-app test" in finished.stderr


@pytest.mark.parametrize("command", ["ad app list", "ad app show", "ad app update", "account show", "ad app federated"])
def test_it_stops_if_the_azure_cli_fails(az: FakeCommand, command: str) -> None:
    az.answers(command, code=1)

    assert register(az).returncode != 0
    assert az.calls("federated-credential create") == []


def test_azd_does_it_after_each_provisioning(az: FakeCommand) -> None:
    azd = FakeCommand(az.folder, "azd")
    azd.answers("env get-value MY_PAGE_URL", ADDRESS)
    azd.answers("env get-value WEB_PRINCIPAL_ID", PRINCIPAL)

    finished = run(az, "infra/bicep/azd/postprovision.sh", AZURE_ENV_NAME="test")

    assert finished.returncode == 0, finished.stderr
    assert PRINCIPAL in az.calls("federated-credential create")[0]


@pytest.mark.parametrize("code", [0, 1])
def test_azd_does_nothing_where_there_is_no_my_page(az: FakeCommand, code: int) -> None:
    azd = FakeCommand(az.folder, "azd")
    azd.answers("env get-value", "", code=code)

    assert run(az, "infra/bicep/azd/postprovision.sh", AZURE_ENV_NAME="test").returncode == 0
    assert az.calls() == []
