"""A stand-in for the Azure CLI, which cannot be had without an account: it notes its arguments, and answers as told.

What it cannot show is whether Azure takes these commands.
"""

import json
import sys
from pathlib import Path
from typing import Any

PROGRAM = """#!{python}
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
command = " ".join(sys.argv[1:])
with (folder / "calls.txt").open("a") as calls:
    calls.write(command + "\\n")
answers = json.loads((folder / "answers.json").read_text())
for answer in answers:
    if command.startswith(answer["to"]) and answer["times"] > 0:
        answer["times"] -= 1
        (folder / "answers.json").write_text(json.dumps(answers))
        sys.stdout.write(json.dumps(answer["json"]))
        sys.stderr.write(answer["error"])
        sys.exit(answer["code"])
"""
FOR_EVER = 1_000_000


class FakeAz:
    """`az` in a folder that has to be first on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._answers: list[dict[str, Any]] = []
        folder.mkdir()
        program = folder / "az"
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        self._save()

    def answers(self, to: str, answer: object = None, *, code: int = 0, error: str = "", times: int = FOR_EVER) -> None:
        """Later ones go before earlier ones. `to`: how the command begins; `times`: how often it answers so."""
        self._answers.insert(0, {"to": to, "json": answer, "code": code, "error": error, "times": times})
        self._save()

    def calls(self, containing: str = "") -> list[str]:
        """What it was called with so far."""
        file = self.folder / "calls.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if containing in line]

    def _save(self) -> None:
        (self.folder / "answers.json").write_text(json.dumps(self._answers))
