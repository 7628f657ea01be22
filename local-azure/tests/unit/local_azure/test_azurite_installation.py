import json
from pathlib import Path

import pytest

from local_azure.azurite import installation
from local_azure.azurite.installation import AzuriteUnavailableError, Node

# The programs of a test are the only ones on its PATH.
NPM_INSTALLS = "/bin/mkdir -p node_modules/azurite/dist/src; : > node_modules/azurite/dist/src/azurite.js"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the only one on the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Azurite is installed in a test."""
    monkeypatch.setattr(installation, "INSTALLATION", tmp_path / "azurite")
    monkeypatch.setattr(installation, "LOCK", tmp_path / "azurite.lock")
    return tmp_path / "azurite"


def write_program(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_lockfile_names_exact_versions_and_no_hosts() -> None:
    wanted = json.loads((installation.PACKAGE_FOLDER / "package.json").read_text())["dependencies"]
    locked = json.loads((installation.PACKAGE_FOLDER / "package-lock.json").read_text())["packages"]

    assert locked["node_modules/azurite"]["version"] == wanted["azurite"]
    assert all("integrity" in package for name, package in locked.items() if name)
    assert not any("resolved" in package for package in locked.values())


@pytest.mark.parametrize(
    ("version", "is_used"), [("v20.0.0", True), ("v24.1.0", True), ("v18.20.1", False), ("", False)]
)
async def test_the_machines_node_is_used_if_it_is_new_enough(programs: Path, version: str, is_used: bool) -> None:
    write_program(programs, "node", f"echo {version}")
    write_program(programs, "npm", "")

    found = await installation.machine_node()

    assert found == (Node(str(programs / "node"), (str(programs / "npm"),)) if is_used else None)


async def test_a_node_without_npm_is_not_used(programs: Path) -> None:
    write_program(programs, "node", "echo v24.0.0")

    assert await installation.machine_node() is None


async def test_azurite_is_installed_once_and_again_for_another_version(
    programs: Path, installed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_program(programs, "node", "echo v24.0.0")
    write_program(programs, "npm", f'echo "$@" >> {tmp_path}/calls; {NPM_INSTALLS}')
    notices: list[str] = []

    await installation.install(notices.append)
    await installation.install(notices.append)
    (installed / "installed").write_text("of another version")
    await installation.install(notices.append)

    calls = [call for call in (tmp_path / "calls").read_text().splitlines() if call.startswith("ci --ignore-scripts")]
    assert len(calls) == len(notices) == 2


@pytest.mark.usefixtures("installed")
async def test_a_failed_installation_gives_the_reason_and_the_fix(programs: Path) -> None:
    write_program(programs, "node", "echo v24.0.0")
    write_program(programs, "npm", "echo registry is out of reach >&2; exit 1")

    with pytest.raises(AzuriteUnavailableError) as caught:
        await installation.install(lambda _: None)

    assert "registry is out of reach" in str(caught.value)
    assert "without [azurite] in the settings file" in str(caught.value)


def test_azurite_serves_three_ports_from_its_folder() -> None:
    command = installation.command(Node("/bin/node", ("/bin/npm",)), (1, 2, 3), Path("/state/azurite"))

    assert command[0] == "/bin/node"
    assert command[-8:] == (
        *("--location", "/state/azurite"),
        *("--blobPort", "1", "--queuePort", "2", "--tablePort", "3"),
    )
    assert {"--loose", "--silent", "--skipApiVersionCheck"} < set(command)
