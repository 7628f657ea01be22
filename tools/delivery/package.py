"""Builds the deployment package, a zip that all apps run: `python -m tools.delivery.package`.

The same files give the same bytes, whenever and wherever it is built. It also holds its version, which the apps report
(`/health`).
"""

import hashlib
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pathspec import GitIgnoreSpec

from shared.version import DEVELOPMENT, VERSION_FILE
from tools.command_line import parser, show
from tools.paths import ROOT

PACKAGE = Path("dist/ssak8.zip")
IGNORE_FILE = ".funcignore"
VERSION_DIGITS = 16  # of a SHA-256 in hexadecimal: short to read, and long enough to tell packages apart
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
PLAIN_FILE = 0o100644  # -rw-r--r--
UNIX = 3  # the zip format's number for the system that file modes are from


def packaged_files(root: Path) -> list[str]:
    """The files that `.funcignore`, read as a .gitignore, lets in: sorted paths below `root`, with slashes."""
    ignored = GitIgnoreSpec.from_lines((root / IGNORE_FILE).read_text(encoding="utf-8").splitlines())
    files: list[str] = []
    for folder, folders, names in root.walk():
        below = folder.relative_to(root)
        folders[:] = [name for name in folders if not ignored.match_file(f"{(below / name).as_posix()}/")]
        paths = ((below / name).as_posix() for name in names)
        files += (path for path in paths if not ignored.match_file(path))
    return sorted(files)


def build(root: Path, target: Path) -> str:
    """Writes the package of `root` to `target`; returns its SHA-256 in hexadecimal."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    contents = {path: (root / path).read_bytes() for path in packaged_files(root)}
    contents[VERSION_FILE] = _digest(contents).encode()
    # Not compressed: a compressor's output depends on its version. Azure builds its own image from it anyway.
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as package:
        for path, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(path, EARLIEST)
            entry.create_system = UNIX
            entry.external_attr = PLAIN_FILE << 16
            package.writestr(entry, content)
    unfinished.replace(target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _digest(contents: Mapping[str, bytes]) -> str:
    """A digest of all names and contents."""
    digest = hashlib.sha256()
    for path, content in sorted(contents.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:VERSION_DIGITS]


def version(package: Path) -> str:
    """The version that an app reports when it runs `package`."""
    with zipfile.ZipFile(package) as entries:
        if VERSION_FILE not in entries.namelist():
            return DEVELOPMENT
        return entries.read(VERSION_FILE).decode()


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.package", __doc__)
    command_line.add_argument("--target", type=Path, default=ROOT / PACKAGE, help="where to write it (%(default)s)")
    target: Path = command_line.parse_args(arguments).target
    digest = build(ROOT, target)
    with zipfile.ZipFile(target) as package:
        count = len(package.namelist())
    size = target.stat().st_size / 1024
    show(f"{os.path.relpath(target)}: {count} files, {size:.0f} KiB, sha256 {digest}, version {version(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
