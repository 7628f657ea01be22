"""A stand-in for a program that needs an account (az, azd, gh): it records its calls and gives prepared answers.

It cannot show whether Azure or GitHub accepts these commands.
"""

import json
import sys
from pathlib import Path
from typing import Any

# A `#!` line cannot name an interpreter whose path has a space. sh starts it, for which the first lines are a command;
# for Python they are a text.
PROGRAM = """#!/bin/sh
''\'exec' "{python}" "$0" "$@"
' ''\'
import json, os, pathlib, sys, time
here = pathlib.Path(__file__)
command = " ".join(sys.argv[1:])
with here.with_suffix(".calls").open("a") as calls:
    calls.write(json.dumps([command, dict(os.environ)]) + "\\n")
answers = json.loads(here.with_suffix(".answers").read_text())
for answer in answers:
    if command.startswith(answer["to"]) and answer["times"] > 0:
        answer["times"] -= 1
        here.with_suffix(".answers").write_text(json.dumps(answers))
        time.sleep(answer["seconds"])
        if "--output tsv" in command or command.startswith("env get-value"):
            sys.stdout.write(str(answer["json"] or ""))
        elif "--output none" not in command:
            sys.stdout.write(json.dumps(answer["json"]))
        sys.stderr.write(answer["error"])
        sys.exit(answer["code"])
"""
ALWAYS = 1_000_000  # times


class FakeCommand:
    """A program called `name` in `folder`, which the test puts on the PATH."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._program = folder / name
        self._answers: list[dict[str, Any]] = []
        folder.mkdir(exist_ok=True)
        self._program.write_text(PROGRAM.format(python=sys.executable))
        self._program.chmod(0o755)
        self._save()

    def answers(
        self,
        to: str,
        answer: object = None,
        *,
        code: int = 0,
        error: str = "",
        times: int = ALWAYS,
        seconds: float = 0,
    ) -> None:
        """Later answers take precedence. `to`: the start of the command; `times`: how often this answer is given."""
        prepared = {"to": to, "json": answer, "code": code, "error": error, "times": times, "seconds": seconds}
        self._answers.insert(0, prepared)
        self._save()

    def calls(self, containing: str = "") -> list[str]:
        """The recorded command lines."""
        return [command for command, _ in self._recorded() if containing in command]

    def environment_values(self, containing: str, variable: str) -> set[str | None]:
        """The values of an environment variable in these calls."""
        return {environment.get(variable) for command, environment in self._recorded() if containing in command}

    def _recorded(self) -> list[tuple[str, dict[str, str]]]:
        file = self._program.with_suffix(".calls")
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    def _save(self) -> None:
        self._program.with_suffix(".answers").write_text(json.dumps(self._answers))
