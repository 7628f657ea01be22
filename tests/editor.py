"""The settings of VS Code: JSON with comments."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMENT_LINE = re.compile(r"^\s*//.*$", re.MULTILINE)


def read_jsonc(path: str) -> Any:
    """A file whose comments have lines of their own."""
    return json.loads(COMMENT_LINE.sub("", (ROOT / path).read_text(encoding="utf-8")))


def resolved(value: Any, workspace: Path) -> Any:
    """`value` with `${workspaceFolder}` replaced in every text."""
    match value:
        case str():
            return value.replace("${workspaceFolder}", str(workspace))
        case list():
            return [resolved(item, workspace) for item in value]
        case dict():
            return {key: resolved(item, workspace) for key, item in value.items()}
        case _:
            return value
