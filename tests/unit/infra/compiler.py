"""The Bicep compiler, for what the snapshots do not show: loops, and other parameters than those of an environment."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit.infra.deployments import BICEP, Deployment

TIMEOUT_SECONDS = 120
QUICK_START = {"DOTNET_TieredPGO": "0", "DOTNET_gcConcurrent": "0"}
"""What a process that ends after some seconds need not prepare for: a quarter of its processor time."""
VARIABLES = dict(line.split("=", 1) for line in (BICEP / "snapshot-variables").read_text(encoding="utf-8").splitlines())
"""Those of infra/bicep/check."""
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"


def run_compiler(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the compiler. Skips the test if there is none, except in continuous integration."""
    program = shutil.which(os.environ.get("BICEP", "bicep"))
    if program is None:
        missing = "this needs the Bicep compiler: `az bicep install`, on the PATH or named by BICEP"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(  # noqa: S603 our own files
        [str(program), *arguments],
        cwd=BICEP,
        env={**environment, **QUICK_START, **VARIABLES, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


# Resources by their names in Bicep, in every template and not only in those that need it.
SYMBOLIC_NAMES = {"experimentalFeaturesEnabled": {"symbolicNameCodegen": True}}


@cache
def templates(file: str) -> list[dict[str, Any]]:
    """The compiled template of a Bicep file, and those of the modules in it."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "bicepconfig.json"
        configuration.write_text(json.dumps(SYMBOLIC_NAMES), encoding="utf-8")
        finished = run_compiler("build", file, "--stdout", "--config", str(configuration))
    assert finished.returncode == 0, finished.stderr
    return list(_with_modules(json.loads(finished.stdout)))


def _with_modules(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield template
    for resource in template["resources"].values():
        if resource["type"] == "Microsoft.Resources/deployments":
            yield from _with_modules(resource["properties"]["template"])


def deploy(folder: Path, name: str, more: str = "", group: str = "rg-dev", **variables: str) -> Deployment:
    """What the parameter file `name` would deploy, with more lines in it and these environment variables."""
    finished = snapshot(folder, name, more, group, **variables)
    assert finished.returncode == 0, finished.stderr
    written = json.loads((folder / name).with_suffix(".snapshot.json").read_text(encoding="utf-8"))
    return Deployment(written["predictedResources"], written["outputs"])


def snapshot(folder: Path, name: str, more: str, group: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Lets the compiler write a snapshot into `folder`."""
    here = os.path.relpath(BICEP, folder)  # the compiler accepts no absolute paths
    text = re.sub(r"'(?:\./)?(\w+\.bicep)'", rf"'{here}/\1'", (BICEP / name).read_text(encoding="utf-8"))
    (folder / name).write_text(f"{text}\n{more}\n", encoding="utf-8")
    return run_compiler(
        *("snapshot", str(folder / name), "--mode", "overwrite", "--location", VARIABLES["AZURE_LOCATION"]),
        *("--tenant-id", TENANT, "--subscription-id", SUBSCRIPTION),
        *(("--resource-group", group) if name.startswith("system.") else ()),
        **variables,
    )
