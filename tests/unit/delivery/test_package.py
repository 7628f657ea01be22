import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.privacy_policies import read_policy_texts
from shared.version import package_version
from tools.delivery.package import build, main, packaged_files, version
from tools.paths import ROOT

FILES = {
    ".funcignore": (ROOT / ".funcignore").read_text(encoding="utf-8"),
    "function_app.py": "app = 1\n",
    "functions/customer.py": "customer = 1\n",
    "functions/__pycache__/customer.pyc": "compiled",
    "shared/domain/customer.py": "customer = 2\n",
    "host.json": "{}",
    "requirements.txt": "",
    "requirements-dev.txt": "",
    "local.settings.json": '{"Values": {"SECRET": "x"}}',
    "local.settings.sample.json": "{}",
    "tests/functions/test_customer.py": "",
    "local-azure/src/local_azure/shared/server.py": "",
    "tools/delivery/package.py": "",
    "pyproject.toml": "",
    "notes.txt": "",
    ".venv/functions/site.py": "",
}
PACKAGED = [
    "function_app.py",
    "functions/customer.py",
    "host.json",
    "package-version",
    "requirements.txt",
    "shared/domain/customer.py",
]


def write(folder: Path, paths: list[str]) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(FILES[path], encoding="utf-8")
    return folder


def test_the_package_holds_what_funcignore_lets_in_and_nothing_else(tmp_path: Path) -> None:
    build(write(tmp_path / "app", list(FILES)), tmp_path / "app.zip")

    assert zipfile.ZipFile(tmp_path / "app.zip").namelist() == PACKAGED
    assert zipfile.ZipFile(tmp_path / "app.zip").read("function_app.py") == b"app = 1\n"


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "one", list(FILES))
    other = write(tmp_path / "other", list(reversed(FILES)))
    os.utime(other / "host.json", (1_000_000_000, 1_000_000_000))
    (other / "function_app.py").chmod(0o700)

    digests = {build(one, tmp_path / "one.zip"), build(other, tmp_path / "other.zip")}

    assert len(digests) == 1
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def change(app: Path) -> None:
    (app / "host.json").write_text("[]")


def add(app: Path) -> None:
    (app / "functions/kakao.py").write_text("")


def rename(app: Path) -> None:
    (app / "functions/customer.py").rename(app / "functions/custome.py")


@pytest.mark.parametrize("edit", [change, add, rename])
def test_other_files_give_another_digest_and_another_version(tmp_path: Path, edit: Callable[[Path], None]) -> None:
    app = write(tmp_path / "app", list(FILES))
    package = tmp_path / "app.zip"
    before = build(app, package), version(package)
    edit(app)

    after = build(app, package), version(package)

    assert after[0] != before[0]
    assert after[1] != before[1]


def test_an_app_reports_the_version_of_the_package_it_was_unpacked_from(tmp_path: Path) -> None:
    package = tmp_path / "app.zip"
    build(write(tmp_path / "app", list(FILES)), package)
    zipfile.ZipFile(package).extractall(tmp_path / "unpacked")

    assert package_version(tmp_path / "unpacked") == version(package)


def test_without_a_version_package_and_app_are_both_development(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "earlier.zip", "w") as package:
        package.writestr("host.json", "{}")

    assert version(tmp_path / "earlier.zip") == package_version(tmp_path) == "development"


def test_a_version_file_in_the_checkout_is_not_packaged(tmp_path: Path) -> None:
    app = write(tmp_path / "app", list(FILES))
    before = build(app, tmp_path / "app.zip")
    (app / "package-version").write_text("left here")

    assert build(app, tmp_path / "app.zip") == before


def test_every_file_is_readable_once_unpacked(tmp_path: Path) -> None:
    app = write(tmp_path / "app", list(FILES))
    (app / "host.json").chmod(0o600)
    build(app, tmp_path / "app.zip")

    modes = {entry.external_attr >> 16 for entry in zipfile.ZipFile(tmp_path / "app.zip").infolist()}
    assert modes == {0o100644}


def test_an_unfinished_package_is_never_left_behind(tmp_path: Path) -> None:
    app = write(tmp_path / "app", list(FILES))
    build(app, tmp_path / "dist" / "app.zip")
    shutil.rmtree(app / "shared")
    build(app, tmp_path / "dist" / "app.zip")

    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["app.zip"]


def test_this_project_packages_the_app_and_nothing_for_development() -> None:
    tops = {path.partition("/")[0] for path in packaged_files(ROOT)}

    assert tops == {"function_app.py", "functions", "shared", "web", "host.json", "requirements.txt"}
    ours = [path for path in packaged_files(ROOT) if path.startswith(("functions/", "shared/", "web/"))]
    others = [path for path in ours if not path.endswith(".py")]
    pages = [path for path in others if path.startswith("web/")]
    # Without them nobody could read what they have consented to.
    assert [path for path in others if path not in pages] == [
        f"shared/privacy/{version}.ko.md" for version in sorted(read_policy_texts())
    ]
    # What my page shows.
    kinds = {(path.split("/")[1], path.rpartition(".")[2]) for path in pages}
    assert {("templates", "html"), ("words", "toml"), ("static", "css")} <= kinds
    assert {folder for folder, _ in kinds} == {"templates", "words", "static"}


def test_the_command_writes_the_package_and_prints_its_digest_and_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--target", str(tmp_path / "ssak8.zip")]) == 0

    digest = hashlib.sha256((tmp_path / "ssak8.zip").read_bytes()).hexdigest()
    assert f"sha256 {digest}, version {version(tmp_path / 'ssak8.zip')}" in capsys.readouterr().out
