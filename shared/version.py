"""The version of the deployed package, which `/health` reports."""

from pathlib import Path
from typing import Final

VERSION_FILE: Final = "package-version"
"""The file in the package that holds its version; tools/delivery/package.py writes it."""

DEVELOPMENT: Final = "development"
"""The version where there is no such file: in a checkout, and in what `azd deploy` uploads."""


def package_version(folder: Path) -> str:
    """Reads the version of the package that was unpacked into `folder`."""
    file = folder / VERSION_FILE
    return file.read_text(encoding="utf-8") if file.is_file() else DEVELOPMENT
