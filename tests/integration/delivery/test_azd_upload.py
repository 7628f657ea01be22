"""What azd uploads is what `make package` packages: azd's own library reads .funcignore.

The expected files are written out, so that git's reading (pathspec), Core Tools' and azd's cannot all be wrong alike.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.version import VERSION_FILE
from tools.delivery.package import IGNORE_FILE, packaged_files
from tools.paths import ROOT

SOURCE = Path(__file__).with_name("azd_upload")
DOWNLOAD_SECONDS = 120  # two small modules
BUILD_SECONDS = 300  # the first build compiles Go's standard library
LIST_SECONDS = 60
GO_MISSING = "Go is not installed: azd's library cannot be run"
GO_UNREACHABLE = "Go's module proxy does not respond: azd's library cannot be downloaded"
# No app needs these, wherever they lie.
UNWANTED = {
    "functions/__pycache__/customer.cpython-313.pyc",
    "shared/adapters/__pycache__/customers.cpython-313.pyc",
    "shared/.mypy_cache/3.13/cache.json",
    "functions/.DS_Store",
    "functions/.env",
    "shared/.azure/config.json",
    "shared/local.settings.json",
}
TOP = {"function_app.py", "host.json", "requirements.txt"}
LAYOUTS: dict[str, tuple[set[str], set[str]]] = {
    "this project's own kind": (
        TOP | {"functions/customer.py", "shared/settings.py", "shared/adapters/kakao_providers/sandbox.py"},
        {".env", ".venv/lib/site.py", ".venv/functions/site.py", ".git/config", ".azure/dev/.env"}
        | {"local.settings.json", "requirements-dev.txt", "local.settings.sample.json", "tests/unit/test_one.py"}
        | {
            "tools/delivery/smoke.py",
            "local-azure/shared/server.py",
            "docs/functions/page.md",
            "notes.txt",
            VERSION_FILE,
        }
        | UNWANTED,
    ),
    "a new folder": (
        TOP | {"functions/orders/billing/invoice.py", "shared/templates/alimtalk.json", "shared/new/__init__.py"},
        {"orders/invoice.py", "orders/functions/invoice.py", "templates/shared/letter.html", "function_apps/one.py"},
    ),
    "dotfiles at every depth": (
        TOP | {"functions/a.b/c.py", "shared/x.py"},
        {".a/functions/x.py", "functions/.hidden/x.py", "functions/a.b/.c", "shared/.x.py.swp", ".functions/y.py"},
    ),
    "files with the names of folders": (
        {"function_app.py", "shared/functions/shared.py", "shared/functions/deep/__pycache__x.py"},
        {"functions", "tests/functions", "docs/shared/host.json", "shared.py"},
    ),
    "folders with the names of files": (
        {"functions/customer.py/health.py", "shared/host.json/x.py", "requirements.txt"},
        {"local.settings.json/shared/x.py", "functions/local.settings.json/x.py", "function_apps.py"},
    ),
}


@pytest.fixture(scope="module")
def azd_upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that lists what azd uploads."""
    if (go := shutil.which("go")) is None:
        return _unavailable(GO_MISSING)
    program = tmp_path_factory.mktemp("azd") / "azd_upload"
    download = subprocess.run(  # noqa: S603 no shell
        [go, "mod", "download"], cwd=SOURCE, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS
    )
    if download.returncode != 0:
        return _unavailable(f"{GO_UNREACHABLE}: {download.stderr.strip()}")
    subprocess.run(  # noqa: S603 no shell
        [go, "build", "-mod=readonly", "-o", str(program), "."], cwd=SOURCE, check=True, timeout=BUILD_SECONDS
    )
    return program


def _unavailable(reason: str) -> Path:
    """Skips the test, but fails on the build machine, where it must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def uploaded(program: Path, root: Path) -> list[str]:
    listed = subprocess.run(  # noqa: S603 no shell
        [str(program), str(root)], capture_output=True, text=True, check=True, timeout=LIST_SECONDS
    )
    return sorted(listed.stdout.splitlines())


def lay_out(root: Path, paths: set[str]) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("", encoding="utf-8")
    shutil.copy(ROOT / IGNORE_FILE, root)
    return root


def published_by_core_tools(patterns: list[str], paths: set[str]) -> set[str]:
    """What `func azure functionapp publish` uploads, by its own reading: no order, and what is let in always wins.

    Each pattern holds for everything that begins with it. Source: Azure/azure-functions-core-tools at 14e394dc,
    src/Azure.Functions.Cli/Common/GitIgnoreParser.cs.
    """

    def begins(path: str, chosen: list[str]) -> bool:
        expressions = (re.escape(one).replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for one in chosen)
        return any(re.match(expression, path) for expression in expressions)

    written = [line for line in patterns if line and not line.startswith("#")]
    let_in = [line[1:].removeprefix("/") for line in written if line.startswith("!")]
    ignored = [line.removeprefix("/") for line in written if not line.startswith("!")]
    return {path for path in paths if begins(path, let_in) or not begins(path, ignored)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_azd_and_the_package_have_the_same_files(azd_upload: Path, tmp_path: Path, layout: str) -> None:
    wanted, unwanted = LAYOUTS[layout]
    root = lay_out(tmp_path / "app", wanted | unwanted)

    assert packaged_files(root) == sorted(wanted)
    assert uploaded(azd_upload, root) == sorted(wanted)


def test_azd_uploads_this_project_as_it_is_packaged(azd_upload: Path) -> None:
    assert uploaded(azd_upload, ROOT) == packaged_files(ROOT)
    assert {"function_app.py", "functions/health.py", "shared/settings.py"} <= set(packaged_files(ROOT))


def test_core_tools_publish_the_package_and_at_most_leftovers_inside_its_folders() -> None:
    wanted, unwanted = LAYOUTS["this project's own kind"]
    patterns = (ROOT / IGNORE_FILE).read_text(encoding="utf-8").splitlines()

    published = published_by_core_tools(patterns, wanted | unwanted)

    assert published - wanted <= UNWANTED
    assert wanted <= published


def test_without_go_the_build_machine_fails_and_a_laptop_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=GO_MISSING):
        _unavailable(GO_MISSING)

    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match=GO_MISSING):
        _unavailable(GO_MISSING)
