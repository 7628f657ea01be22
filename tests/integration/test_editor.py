"""VS Code finds the tests of each root of the workspace, with the arguments that it gives to pytest."""

import re
import subprocess

import pytest

from tests.editor import ROOT, read_jsonc, resolved

COLLECT_SECONDS = 90
LEAST_TESTS = 100


@pytest.mark.parametrize("folder", [folder["path"] for folder in read_jsonc("ssak8.code-workspace")["folders"]])
def test_the_tests_of_each_root_are_found(folder: str) -> None:
    root = ROOT / folder
    settings = resolved(read_jsonc(f"{folder}/.vscode/settings.json"), root)
    python, arguments = settings["python.defaultInterpreterPath"], settings["python.testing.pytestArgs"]

    finished = subprocess.run(  # noqa: S603 a file of this repository
        [python, "-m", "pytest", f"--rootdir={root}", "--collect-only", "--quiet", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=COLLECT_SECONDS,
    )

    assert finished.returncode == 0, finished.stdout[-2000:]
    found = re.search(r"^(\d+) tests collected", finished.stdout, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > LEAST_TESTS
