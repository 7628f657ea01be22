"""Which package an app runs."""

from pathlib import Path
from typing import Final

VERSION_FILE: Final = "package-version"
"""The file that tools/delivery/package.py adds to the package."""

DEVELOPMENT: Final = "development"
"""The version of what was not unpacked from a package: a checkout, or what azd uploads."""


def package_version(folder: Path) -> str:
    """The version of the package that was unpacked into `folder`."""
    file = folder / VERSION_FILE
    return file.read_text(encoding="utf-8") if file.is_file() else DEVELOPMENT
