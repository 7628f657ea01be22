"""The package as its users install it: the content of the archives, and a small app run by the wheel alone."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
EXAMPLE = Path(__file__).with_name("example_app")
# Several times faster than pip.
UV = Path(sys.executable).with_name("uv")
INSTALL_TIMEOUT_SECONDS = 300

# All of them use one installation: in parallel runs one worker has them all.
pytestmark = [pytest.mark.xdist_group("installed package"), pytest.mark.timeout(2 * INSTALL_TIMEOUT_SECONDS)]


def run(*command: str | Path, folder: Path, timeout: float = INSTALL_TIMEOUT_SECONDS) -> str:
    """The output of a command, run without the Python settings of this process."""
    own = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONSAFEPATH")
    done = subprocess.run(  # noqa: S603 the package under test, and what installs it
        command,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in own},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel built from it."""
    # From a copy: what a developer has left in the project must not get into the archives.
    source = tmp_path_factory.mktemp("source") / "local-azure"
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    folder = tmp_path_factory.mktemp("archives")
    if UV.exists():
        run(UV, "build", "--quiet", "--python", sys.executable, "--out-dir", folder, source, folder=folder)
    else:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, folder=folder)
    return folder


@pytest.fixture(scope="module")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with nothing but the package."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    [wheel] = archives.glob("*.whl")
    python = environment / "bin" / "python"
    if UV.exists():
        run(UV, "venv", "--quiet", "--python", sys.executable, environment, folder=archives)
        run(UV, "pip", "install", "--quiet", "--python", python, wheel, folder=archives)
    else:
        run(sys.executable, "-m", "venv", environment, folder=archives)
        run(python, "-m", "pip", "install", "--quiet", wheel, folder=archives)
    return python.parent


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the example app. Ends a stack that the test leaves running."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder)
    yield folder
    if (folder / ".local-azure" / "running.json").exists():
        run(installed / "local-azure", "down", folder=folder)


def source_files() -> set[str]:
    package = PROJECT / "src" / "local_azure"
    files = (file.relative_to(package.parent) for file in package.rglob("*") if file.is_file())
    return {str(file) for file in files if "__pycache__" not in file.parts}


def test_the_wheel_contains_the_package_its_license_and_nothing_else(archives: Path) -> None:
    [wheel] = archives.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    metadata = {name for name in names if ".dist-info/" in name}
    assert names - metadata == source_files()
    assert {"local_azure/py.typed", "local_azure/azurite/package-lock.json", "local_azure/cosmos/README.md"} < names
    assert {name.partition("/")[2] for name in metadata} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"),
    }


def test_the_source_archive_contains_the_sources_and_the_tests(archives: Path) -> None:
    if not UV.exists():
        pytest.skip("pip builds no source archives")
    [source] = archives.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {f"src/{name}" for name in source_files()} <= names
    assert {name for name in names if not name.startswith(("src/", "tests/"))} == {
        *("LICENSE", "PKG-INFO", "README.md", "pyproject.toml"),
    }


def test_the_readme_shows_the_example_app_as_it_is() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")

    for file in EXAMPLE.glob("*.*"):
        assert file.read_text(encoding="utf-8").strip() in readme, file.name


def test_an_app_of_ten_lines_runs_with_the_installed_command(installed: Path, project: Path) -> None:
    command = installed / "local-azure"

    shown = run(command, "up", "--detach", "--free-ports", folder=project)
    status = json.loads(run(command, "status", "--json", folder=project))
    port = status["ports"]["hello"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/hello/world", timeout=10) as response:
        answer = response.read().decode()
    ended = run(command, "down", folder=project)

    assert answer == "Hello, world!"
    assert f"curl http://127.0.0.1:{port}/api/hello/world" in shown
    assert ended.splitlines()[-1] == "hello         stopped"
    assert sorted(file.name for file in project.iterdir() if not file.name.startswith((".", "__"))) == [
        *("function_app.py", "host.json", "local-azure.toml"),
    ]


def test_the_help_names_the_installed_command(installed: Path, tmp_path: Path) -> None:
    assert "Usage: local-azure" in run(installed / "local-azure", "--help", folder=tmp_path)
    assert "Usage: local-azure" in run(installed / "python", "-m", "local_azure", "--help", folder=tmp_path)
