"""The settings of editors and development containers fit the project."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.editor import ROOT, read_jsonc
from tools.picture import configured_ports

STACK: Mapping[str, Any] = tomllib.loads((ROOT / "local-azure.toml").read_text(encoding="utf-8"))
WORKSPACE = "ssak8.code-workspace"
FILES = [
    WORKSPACE,
    ".vscode/settings.json",
    ".vscode/launch.json",
    ".vscode/tasks.json",
    ".vscode/extensions.json",
    "local-azure/.vscode/settings.json",
    ".devcontainer/devcontainer.json",
]


@pytest.mark.parametrize("file", FILES)
def test_its_files_are_readable(file: str) -> None:
    assert read_jsonc(file)


def test_f5_takes_any_app_over_and_gives_it_back() -> None:
    configurations = {one["name"]: one for one in read_jsonc(".vscode/launch.json")["configurations"]}
    commands = {task["label"]: [task["command"], *task["args"]] for task in read_jsonc(".vscode/tasks.json")["tasks"]}
    local_azure = "${workspaceFolder}/.venv/bin/local-azure"

    assert configurations.keys() == STACK["apps"].keys()
    for app, configuration in configurations.items():
        assert (configuration["module"], configuration["args"]) == ("local_azure.debug", [app])
        assert commands[configuration["preLaunchTask"]] == [local_azure, "stop", app]
        assert commands[configuration["postDebugTask"]] == [local_azure, "start", app]


def test_no_setting_of_an_app_is_repeated() -> None:
    assert not [one for one in read_jsonc(".vscode/launch.json")["configurations"] if "env" in one or "envFile" in one]


def test_each_test_suite_is_a_root_of_the_workspace() -> None:
    folders = [ROOT / folder["path"] for folder in read_jsonc(WORKSPACE)["folders"]]

    assert folders == [ROOT, ROOT / "local-azure"]
    for folder in folders:
        pytest_settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
        editor = read_jsonc(f"{folder.relative_to(ROOT)}/.vscode/settings.json")
        assert editor["python.testing.pytestArgs"] == pytest_settings["ini_options"]["testpaths"]


def test_types_are_looked_for_where_mypy_does() -> None:
    for folder in ("", "local-azure/"):
        mypy = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
        assert read_jsonc(f"{folder}.vscode/settings.json")["python.analysis.include"] == mypy["files"]


def test_a_development_container_has_what_the_project_needs() -> None:
    container = read_jsonc(".devcontainer/devcontainer.json")
    python = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [command, target] = container["postCreateCommand"].split()

    assert container["image"].endswith(f"/devcontainers/python:{python}")
    assert (command, f"\n{target}: " in makefile) == ("make", True)
    assert (
        container["customizations"]["vscode"]["extensions"]
        == (read_jsonc(".vscode/extensions.json")["recommendations"])
    )


def test_a_development_container_forwards_every_port_of_the_local_azure() -> None:
    container = read_jsonc(".devcontainer/devcontainer.json")
    # A browser signs in at the stand-ins.
    configured = {*configured_ports().values(), *(each["port"] for each in STACK["processes"].values())}

    assert set(container["forwardPorts"]) == configured
    assert container["portsAttributes"].keys() == {str(port) for port in configured}
