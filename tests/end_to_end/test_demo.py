import subprocess
import sys

from tools.paths import ROOT


def test_the_demo_goes_as_expected_step_by_step() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tools.play"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Every step went as expected." in finished.stdout
