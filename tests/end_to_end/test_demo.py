import subprocess
import sys

import pytest

from tools.paths import ROOT


@pytest.mark.parametrize("access", ["open", "customers"])
def test_the_demo_goes_as_expected_step_by_step(access: str) -> None:
    finished = subprocess.run(  # noqa: S603 this Python, this project
        [sys.executable, "-m", "tools.play", access], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Every step went as expected." in finished.stdout
