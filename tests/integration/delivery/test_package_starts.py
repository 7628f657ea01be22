"""The package starts where nothing is but what its own requirements.txt names.

On Azure the platform brings the worker library; so here it lies in a folder of its own, without what it requires
itself, next to the part of the local Azure that calls it.
"""

import json
import os
import subprocess
import sys
import time
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.functions.test_function_app import SERVICES
from tests.unit.shared.test_privacy_settings import WEB
from tools.delivery.package import build, version
from tools.paths import ROOT

WORKER_LIBRARY = ("azure-functions-runtime==", "azurefunctions-extensions-base==")
INSTALL_SECONDS = 240
START_SECONDS = 60
SETTINGS = {
    "COSMOS_CONNECTION__accountEndpoint": "https://nowhere.invalid/",
    "SERVICE_BUS_CONNECTION__fullyQualifiedNamespace": "nowhere.invalid",
    "KAKAO_API_URL": "https://nowhere.invalid",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": (
        "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
        "IngestionEndpoint=http://127.0.0.1:1/;LiveEndpoint=http://127.0.0.1:1/"
    ),
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
}

# One environment for all of them: in parallel runs one worker has them all.
pytestmark = [pytest.mark.xdist_group("package"), pytest.mark.timeout(INSTALL_SECONDS + 60)]


@dataclass(frozen=True)
class PackageEnvironment:
    """A folder with an unpacked package, a Python with its requirements, and a folder with the worker library."""

    app: Path
    python: Path
    host: Path

    def index(self, app: Path, service: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.host), "SSAK8_SERVICES": service, **SETTINGS}
        environment |= WEB if service == "web" else {}
        return subprocess.run(  # noqa: S603 this test's own Python
            [self.python, "-P", "-m", "local_azure.functions_host.index", app],
            cwd=app,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS * 3,
        )


def pip(python: Path, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)  # noqa: S603
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> PackageEnvironment:
    folder = tmp_path_factory.mktemp("package")
    build(ROOT, folder / "ssak8.zip")
    zipfile.ZipFile(folder / "ssak8.zip").extractall(folder / "app")
    venv.create(folder / "environment", symlinks=True)
    package = PackageEnvironment(folder / "app", folder / "environment/bin/python", folder / "host")
    pip(package.python, "--requirement", package.app / "requirements.txt")
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    worker_library = [pin for pin in pins if pin.startswith(WORKER_LIBRARY)]
    assert len(worker_library) == len(WORKER_LIBRARY)
    pip(package.python, "--no-deps", "--target", package.host, *worker_library)
    (package.host / "local_azure").symlink_to(ROOT / "local-azure/src/local_azure")
    return package


@pytest.mark.parametrize("service", SERVICES)
def test_each_app_starts_with_all_its_functions_and_its_own_requirements_alone(
    package: PackageEnvironment, service: str
) -> None:
    before = time.monotonic()
    finished = package.index(package.app, service)
    seconds = time.monotonic() - before

    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert set(found["functions"]) == SERVICES[service]
    assert found["telemetry"] is True
    assert seconds < START_SECONDS


def test_the_package_tells_its_version(package: PackageEnvironment) -> None:
    command = "import functions.health; print(functions.health.VERSION)"
    finished = subprocess.run(  # noqa: S603 this test's own Python
        [package.python, "-c", command],
        cwd=package.app,
        capture_output=True,
        text=True,
        check=True,
        timeout=START_SECONDS,
    )

    assert finished.stdout.strip() == version(package.app.with_name("ssak8.zip"))


def test_an_app_that_needs_more_than_its_requirements_does_not_start(
    package: PackageEnvironment, tmp_path: Path
) -> None:
    # uvicorn is a requirement of the local Azure only.
    (tmp_path / "function_app.py").write_text("import uvicorn\n")

    finished = package.index(tmp_path, "customer")

    assert finished.returncode != 0
    assert "No module named 'uvicorn'" in finished.stderr
