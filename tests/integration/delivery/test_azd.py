"""The hook that azd runs before it provisions (azure.yaml)."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.integration.delivery.fake_command import FakeCommand
from tools.paths import ROOT

CLIENT_ID = "00000000-0000-0000-0000-00000000000a"
THIS_MONTH = f"{datetime.now(UTC):%Y-%m}-01"
TIMEOUT_SECONDS = 60


@pytest.fixture
def az(tmp_path: Path) -> FakeCommand:
    """A subscription where nothing has been created yet."""
    fake = FakeCommand(tmp_path / "bin", "az")
    fake.answers("ad app list", "")
    fake.answers("ad app create --display-name ssak8-test ", CLIENT_ID)
    fake.answers("ad sp show", code=3, error="Resource does not exist")
    fake.answers("group exists", answer=False)
    return fake


@pytest.fixture
def azd(tmp_path: Path, az: FakeCommand) -> FakeCommand:
    fake = FakeCommand(az.folder, "azd")
    fake.answers("env get-value", code=1, error="key not found")
    return fake


def provision(az: FakeCommand, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the hook as azd does: in the project's folder, with the values of its environment."""
    hook = YAML(typ="safe").load(ROOT / "azure.yaml")["hooks"]["preprovision"]
    python = az.folder / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return subprocess.run(  # noqa: S603 what azure.yaml says
        [f"/bin/{hook['shell']}", "-c", hook["run"]],
        cwd=ROOT,
        env={"PATH": str(az.folder), "AZURE_ENV_NAME": "test", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def test_azd_registers_the_application_and_sets_the_start_of_the_budget(az: FakeCommand, azd: FakeCommand) -> None:
    finished = provision(az)

    assert finished.returncode == 0, finished.stderr
    assert azd.calls("set") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}", f"env set BUDGET_START_DATE {THIS_MONTH}"]
    assert az.calls("ad sp create")


def test_the_next_time_the_application_is_known_and_the_budget_is_read_again(az: FakeCommand, azd: FakeCommand) -> None:
    azd.answers("env get-value AUTH_CLIENT_ID", CLIENT_ID)

    # Values of another environment in the shell are ignored.
    finished = provision(az, AUTH_CLIENT_ID="of another environment", BUDGET_START_DATE="2026-01-01")

    assert finished.returncode == 0, finished.stderr
    assert azd.calls("set") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}", f"env set BUDGET_START_DATE {THIS_MONTH}"]
    assert az.calls("ad ") == []


def test_each_environment_has_its_own_registration_whatever_the_shell_has(az: FakeCommand, azd: FakeCommand) -> None:
    assert provision(az, AUTH_CLIENT_ID="of another environment").returncode == 0

    assert azd.calls("set AUTH_CLIENT_ID") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}"]


def test_an_existing_registration_is_used(az: FakeCommand, azd: FakeCommand) -> None:
    az.answers("ad app list --display-name ssak8-test ", CLIENT_ID)

    assert provision(az).returncode == 0
    assert azd.calls("set AUTH_CLIENT_ID") == [f"env set AUTH_CLIENT_ID {CLIENT_ID}"]
    assert az.calls("ad app create") == []


@pytest.mark.parametrize("command", ["account show", "ad app create", "group exists"])
def test_azd_stops_if_the_azure_cli_fails(az: FakeCommand, azd: FakeCommand, command: str) -> None:
    az.answers(command, code=1)

    assert provision(az).returncode != 0
    assert azd.calls("set") == []


def test_a_missing_sign_in_or_cli_is_reported(az: FakeCommand, azd: FakeCommand) -> None:
    az.answers("account show", code=1)
    assert "az login" in provision(az).stderr

    (az.folder / "az").unlink()
    assert "Azure CLI (az), which is not installed" in provision(az).stderr
