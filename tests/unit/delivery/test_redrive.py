"""Sending again what was put aside: what the command says when there is nothing to look at."""

from pathlib import Path

import pytest

from tools.delivery import redrive


def test_a_system_that_does_not_run_is_no_mistake_in_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert redrive.main(["--local", "--state", str(tmp_path)]) == 2

    error = capsys.readouterr().err
    assert error.startswith("nothing is running with the state folder ")
    assert error.endswith("; start it: make run, or name an environment on Azure: ENV=prod\n")
    assert "usage" not in error
