"""Builds the deployment package, the zip that all three apps run: `python -m tools.delivery.package`.

The same files give the same bytes, whenever and wherever it is built. One file more says which version it is, so that
an app can tell it (`/health`).
"""

import argparse
import hashlib
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pathspec import GitIgnoreSpec

from shared.version import DEVELOPMENT, VERSION_FILE

ROOT = Path(__file__).parents[2]
PACKAGE = Path("dist/ssak8.zip")
IGNORE_FILE = ".funcignore"
VERSION_DIGITS = 16
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zero of a zip's times
PLAIN_FILE = 0o100644
UNIX = 3


def packaged_files(root: Path) -> list[str]:
    """What `.funcignore`, written like a .gitignore, lets into the package: sorted paths below `root`, with slashes."""
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
    # Stored, not compressed: what a compressor writes depends on its version. Azure makes an image of its own of it.
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as package:
        for path, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(path, EARLIEST)
            entry.create_system = UNIX
            entry.external_attr = PLAIN_FILE << 16
            package.writestr(entry, content)
    unfinished.replace(target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _digest(contents: Mapping[str, bytes]) -> str:
    """Differs as soon as a name or a byte does."""
    digest = hashlib.sha256()
    for path, content in sorted(contents.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:VERSION_DIGITS]


def version(package: Path) -> str:
    """What an app that runs `package` tells as its version."""
    with zipfile.ZipFile(package) as entries:
        if VERSION_FILE not in entries.namelist():
            return DEVELOPMENT
        return entries.read(VERSION_FILE).decode()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.delivery.package", description=__doc__)
    parser.add_argument("--target", type=Path, default=ROOT / PACKAGE, help="where to write it (%(default)s)")
    target: Path = parser.parse_args(arguments).target
    digest = build(ROOT, target)
    with zipfile.ZipFile(target) as package:
        count = len(package.namelist())
    shown = os.path.relpath(target)
    sys.stdout.write(
        f"{shown}: {count} files, {target.stat().st_size / 1024:.0f} KiB, sha256 {digest}, version {version(target)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
