"""Running the Azure CLI, with every command shown before it runs."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

ASK_SECONDS = 120


class AzureCliError(Exception):
    """A command failed. The message names it; what the CLI said has been shown, or is in the message."""


def is_installed() -> bool:
    return shutil.which("az") is not None


def run(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Runs `az …` for as long as it takes; its output is shown as it comes. Raises AzureCliError.

    `variables`: what it finds in the environment besides what is there.
    """
    given = variables or {}
    shown = shlex.join([*(f"{name}={value}" for name, value in given.items()), "az", *arguments])
    sys.stdout.write(f"$ {shown}\n")
    sys.stdout.flush()
    finished = subprocess.run(  # noqa: S603 no shell
        [_program(), *arguments], check=False, stdin=subprocess.DEVNULL, env={**os.environ, **given}
    )
    if finished.returncode != 0:
        raise AzureCliError(f"az {' '.join(arguments[:3])} failed (exit code {finished.returncode}): see above")


def ask(*arguments: str) -> Any:
    """What `az …` answers, from JSON; None where it answers nothing. Raises AzureCliError."""
    text = answer(*arguments, "--output", "json")
    return json.loads(text) if text else None


def answer(*arguments: str) -> str:
    """What `az …` prints, without showing it. Raises AzureCliError."""
    command = [_program(), *arguments]
    try:
        finished = subprocess.run(  # noqa: S603 no shell
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise AzureCliError(f"az {' '.join(arguments[:3])} did not answer within {ASK_SECONDS} s") from None
    if finished.returncode != 0:
        raise AzureCliError(f"az {' '.join(arguments[:3])} failed: {finished.stderr.strip()}")
    return finished.stdout.strip()


def _program() -> str:
    if (path := shutil.which("az")) is None:
        raise AzureCliError("the Azure CLI (az) is not installed")
    return path
