"""The names of everything on Azure, for the shell of an operator."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.__main__ import main
from tools.paths import ROOT

SHELL = "/bin/sh"


def outputs(**values: str) -> dict[str, dict[str, str]]:
    """As Azure returns them."""
    return {name: {"type": "String", "value": value} for name, value in values.items()}


def evaluated(assignments: str, expression: str) -> str:
    """What a shell makes of the expression after it has evaluated the assignments."""
    finished = subprocess.run(  # noqa: S603 what the command prints
        [SHELL, "-eu", "-c", f'eval "$1"; printf %s "{expression}"', SHELL, assignments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return finished.stdout


def test_every_output_is_an_assignment(root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]) -> None:
    az.answers("deployment group show", outputs(cosmoS_ACCOUNT_NAME="cosmos-1", azurE_RESOURCE_GROUP="rg-dev"))

    assert main(["names", "dev"], root) == 0

    captured = capsys.readouterr()
    assert captured.out == "COSMOS_ACCOUNT_NAME=cosmos-1\nAZURE_RESOURCE_GROUP=rg-dev\n"
    assert "subscription house-cleaning" in captured.err
    assert evaluated(captured.out, "$AZURE_RESOURCE_GROUP/$COSMOS_ACCOUNT_NAME") == "rg-dev/cosmos-1"


@pytest.mark.parametrize("value", ["a b", "$(id)", "it's", "*", "한글", ""])
def test_a_value_is_never_read_as_a_command(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    az.answers("deployment group show", outputs(ONE=value, OTHER="last"))

    assert main(["names", "dev"], root) == 0

    assert evaluated(capsys.readouterr().out, "$ONE,$OTHER") == f"{value},last"


def test_nothing_is_printed_for_an_environment_that_is_not_deployed(
    root: Path, az: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    az.answers("deployment group show", code=3, error="DeploymentNotFound")

    assert main(["names", "dev"], root) == 1
    assert main(["names", "prod"], root) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "has not been deployed" in captured.err


def test_make_prints_only_the_names(az: FakeCommand) -> None:
    az.answers("deployment group show", outputs(COSMOS_ACCOUNT_NAME="cosmos-1"))

    finished = subprocess.run(  # noqa: S603 no shell
        ["/usr/bin/env", f"PATH={az.folder}:{os.defpath}", "make", "names", "ENV=dev"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (finished.returncode, finished.stdout) == (0, "COSMOS_ACCOUNT_NAME=cosmos-1\n"), finished.stderr
