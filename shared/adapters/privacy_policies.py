"""The texts of the privacy policy, which are files of the package."""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "privacy"
_NAME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.ko\.md")


def read_policy_texts(folder: Path = FOLDER) -> dict[str, str]:
    """Every version in Korean: version → text. Raises FileNotFoundError without any: the package is incomplete."""
    found = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*.ko.md"))
    texts = {name[1]: path.read_text(encoding="utf-8") for name, path in found if name}
    if not texts:
        raise FileNotFoundError(f"there is no privacy policy in {folder.name}/")
    return texts
