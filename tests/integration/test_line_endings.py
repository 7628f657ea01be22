"""A clone in which git was told to write CRLF: everything that is run or compared byte by byte is the same."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120
# A shell that finds CRLF ends with these, or with "$'\r': command not found".
CANNOT_EXECUTE, NOT_FOUND = 126, 127

pytestmark = pytest.mark.xdist_group("line endings")


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 git and the scripts of this repository
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def git(*arguments: str | Path, folder: Path = ROOT) -> str:
    done = run("git", "-c", "core.quotepath=off", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit, as git writes it on a machine with `core.autocrlf=true` and `core.eol=crlf`."""
    folder = tmp_path_factory.mktemp("autocrlf") / "ssak8"
    crlf = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    git(*crlf, "clone", "--quiet", "--depth", "1", *crlf, f"file://{ROOT}", folder)
    return folder


def committed(folder: Path) -> dict[str, tuple[str, str]]:
    """The mode and the git object of each file of the last commit."""
    lines = git("ls-tree", "-r", "HEAD", folder=folder).splitlines()
    return {path: (mode, blob) for mode, _, blob, path in (line.split(maxsplit=3) for line in lines)}


def test_every_file_has_the_bytes_that_were_committed(clone: Path) -> None:
    files = committed(clone)

    assert files == committed(ROOT)
    different = [path for path, (_, blob) in files.items() if object_of((clone / path).read_bytes()) != blob]
    assert different == []


def object_of(content: bytes) -> str:
    """The name that git gives to a file with this content, without any conversion."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def test_every_script_starts(clone: Path) -> None:
    scripts = [path for path, (mode, _) in committed(clone).items() if mode == "100755"]
    assert "tools/set-up" in scripts

    for script in scripts:
        with (clone / script).open("rb") as file:
            [interpreter, *options] = file.readline().removeprefix(b"#!").decode().split()
        program = shutil.which(options[0]) if interpreter.endswith("/env") else interpreter
        assert program is not None, script
        assert Path(program).exists(), script
        if program.endswith("sh"):
            assert run(program, "-n", script, folder=clone).stderr == "", script


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("tools/set-up", 1, "This needs Python"),
        ("infra/bicep/check", 2, "This needs the Bicep compiler"),
        ("infra/bicep/format", 0, "Bicep files are not formatted"),
        ("infra/openapi-lint/check", 0, "Redocly is not installed"),
    ],
)
def test_a_script_gets_as_far_as_it_can_without_its_tools(
    clone: Path, tmp_path: Path, script: str, code: int, said: str
) -> None:
    for program in ("bash", "dirname", "sh"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / program).symlink_to(found)

    done = run(clone / script, folder=clone, PATH=f"{tmp_path}", CI="", BICEP="bicep")

    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


def test_the_package_has_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    git("clone", "--quiet", "--depth", "1", f"file://{ROOT}", plain)
    for folder in (clone, plain):
        done = run(sys.executable, "-m", "tools.delivery.package", folder=folder, PYTHONPATH="", PYTHONSAFEPATH="")
        assert done.returncode == 0, done.stderr

    assert (clone / "dist/ssak8.zip").read_bytes() == (plain / "dist/ssak8.zip").read_bytes()
