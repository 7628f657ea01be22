"""Reads from the documents what their readers paste, so that a test can run it."""

import re
from pathlib import Path


def sql_of(document: Path, title: str) -> str:
    """The query below the comment `-- title: …` of a document. Raises ValueError unless there is exactly one."""
    blocks = re.findall(r"```sql\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    [found] = [block for block in blocks if block.startswith(f"-- {title}")]
    return re.sub(r"^--.*\n", "", found, flags=re.MULTILINE)
