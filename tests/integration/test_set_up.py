"""`make` sets up a virtual environment in any folder, again after that was moved, and whatever the shell exports."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# An empty cache and a slow network.
SET_UP_SECONDS = 300
SHELL_OF_ANOTHER_PROJECT = {
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "{folder}/shadowing",
    "PYTHONSAFEPATH": "1",
    "VIRTUAL_ENV": "/nowhere/venv",
    "PIP_USER": "1",
    "PIP_TARGET": "{folder}/target",
    "PIP_REQUIRE_HASHES": "1",
    "PIP_CONSTRAINT": "{folder}/missing.txt",
    "UV_REQUIRE_HASHES": "1",
    "UV_EXCLUDE_NEWER": "2001-01-01",
    "UV_PYTHON": "3.8",
    "UV_CONSTRAINT": "{folder}/missing.txt",
}

# `make test` has set them; with a level, make prints the folder that it enters.
LEFT_OUT = ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")

pytestmark = [pytest.mark.xdist_group("set-up"), pytest.mark.timeout(3 * SET_UP_SECONDS)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that needs no packages but uv and one of its own, in a folder whose name has a space and Hangul."""
    folder = tmp_path_factory.mktemp("set-up") / "싹8 체크아웃"
    (folder / "tools/delivery").mkdir(parents=True)
    (folder / "local-azure").mkdir()
    for name in ("Makefile", ".python-version", "tools/set-up"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "local-azure/pyproject.toml", folder / "local-azure")
    write_wheel(folder / "greeting-1-py3-none-any.whl")
    pinned = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    [uv] = [line for line in pinned if line.startswith("uv==")]
    (folder / "requirements-dev.txt").write_text(f"{uv}\n./greeting-1-py3-none-any.whl\n")
    # `make package` runs the module.
    (folder / "tools/__init__.py").touch()
    (folder / "tools/delivery/__init__.py").touch()
    (folder / "tools/delivery/package.py").write_text("import greeting\nprint('packaged')\n")
    (folder / "shadowing").mkdir()
    (folder / "shadowing/greeting.py").write_text("raise SystemExit('of another project')\n")
    return folder


def write_wheel(file: Path) -> None:
    """A package `greeting`, with a program `greet`."""
    content = {
        "greeting.py": "def main() -> None:\n    print('hello')\n",
        "greeting-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1\n",
        "greeting-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "greeting-1.dist-info/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
    }
    content["greeting-1.dist-info/RECORD"] = "".join(f"{name},,\n" for name in content)
    with zipfile.ZipFile(file, "w") as wheel:
        for name, text in content.items():
            wheel.writestr(name, text)


def make(checkout: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value.format(folder=checkout) for name, value in environment.items()}
    return subprocess.run(  # noqa: S603
        ["make", target],  # noqa: S607 any make
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if name not in LEFT_OUT} | own,
        capture_output=True,
        text=True,
        timeout=SET_UP_SECONDS,
        check=False,
    )


def greeted(checkout: Path) -> str:
    """What the installed program prints."""
    return subprocess.run(  # noqa: S603 installed by the test
        [checkout / ".venv/bin/greet"], capture_output=True, text=True, timeout=30, check=True
    ).stdout


def test_a_path_with_a_space_and_the_settings_of_another_project_do_no_harm(checkout: Path) -> None:
    done = make(checkout, "package", **SHELL_OF_ANOTHER_PROJECT)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == ["Installed.", "packaged"]
    assert "trying with pip" not in done.stdout
    assert greeted(checkout) == "hello\n"
    assert not (checkout / "target").exists()


def test_what_is_set_up_is_not_set_up_again(checkout: Path) -> None:
    make(checkout, ".venv/installed")

    assert make(checkout, "package").stdout == "packaged\n"


def test_a_moved_checkout_is_set_up_again(checkout: Path, tmp_path: Path) -> None:
    make(checkout, ".venv/installed")
    moved = tmp_path / "other place"
    shutil.move(checkout, moved)
    try:
        done = make(moved, "package")
        again = make(moved, "package")

        assert (done.returncode, done.stderr) == (0, "")
        assert "has been moved or copied" in done.stdout
        assert greeted(moved) == "hello\n"
        assert again.stdout == "packaged\n"
    finally:
        shutil.move(moved, checkout)


def test_a_copied_checkout_does_not_use_the_original(checkout: Path, tmp_path: Path) -> None:
    make(checkout, ".venv/installed")
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    before = (checkout / ".venv/installed").stat().st_mtime_ns

    done = make(copy, "package")

    assert "has been moved or copied" in done.stdout
    assert str(copy) in (copy / ".venv/bin/greet").read_text()
    assert (checkout / ".venv/installed").stat().st_mtime_ns == before


def test_a_python_that_is_gone_is_replaced(checkout: Path) -> None:
    make(checkout, ".venv/installed")
    for name in ("python", "python3", "python3.13"):
        (checkout / ".venv/bin" / name).unlink(missing_ok=True)
        (checkout / ".venv/bin" / name).symlink_to("/nowhere/python")

    done = make(checkout, "package")

    assert done.stdout.splitlines()[-2:] == ["Installed.", "packaged"]


def test_settings_in_pips_configuration_file_do_no_harm(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\nno-deps = true\n[install]\nrequire-hashes = true\n")
    shutil.rmtree(checkout / ".venv", ignore_errors=True)

    done = make(checkout, "package", PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))

    assert (done.returncode, done.stderr) == (0, "")
    assert "trying with pip" not in done.stdout


def test_the_reason_of_a_failure_is_shown_and_no_other(checkout: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkout, broken, symlinks=True, ignore=shutil.ignore_patterns(".venv"))
    (broken / "greeting-1-py3-none-any.whl").write_bytes(b"not a zip")

    done = make(broken, "package")
    shown = done.stdout + done.stderr

    assert done.returncode != 0
    assert "greeting" in shown
    assert "for the reason above" in shown
    assert not any(guess in shown for guess in ("in reach", "network", "Check"))
    assert "packaged" not in shown
