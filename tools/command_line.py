"""What the commands in tools/ share: their parsers, what they print, and the outputs of a step on GitHub.

Standard library only: rollback.yml runs a command of tools/delivery before anything is installed.
"""

import argparse
import os
import sys
from pathlib import Path


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser for `python -m MODULE` whose help shows the description as it is written."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def show(text: str) -> None:
    """Prints a line at once, before the output of any program that runs next."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def set_step_output(name: str, value: object) -> None:
    """Sets an output of the current step on GitHub; does nothing elsewhere."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write(f"{name}={value}\n")
