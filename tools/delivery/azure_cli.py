"""Runs the Azure CLI."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from tools.command_line import show

READ_SECONDS = 120  # Azure answers within seconds; the CLI itself may first have to renew its token


class AzureCliError(Exception):
    """A command failed. The message names it, and has the CLI's own message if that was not shown."""


def is_installed() -> bool:
    return shutil.which("az") is not None


def run(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Shows and runs `az …`, with its output and without a timeout. Raises AzureCliError.

    `variables`: added to its environment.
    """
    added = variables or {}
    show(f"$ {shlex.join([*(f'{name}={value}' for name, value in added.items()), 'az', *arguments])}")
    finished = subprocess.run(  # noqa: S603 no shell
        [_program(), *arguments], check=False, stdin=subprocess.DEVNULL, env={**os.environ, **added}
    )
    if finished.returncode != 0:
        raise AzureCliError(f"az {' '.join(arguments[:3])} failed (exit code {finished.returncode}): see above")


def read_json(*arguments: str) -> Any:
    """Runs `az …` silently and returns its output, parsed; None if there is none. Raises AzureCliError."""
    text = read_text(*arguments, "--output", "json")
    return json.loads(text) if text else None


def read_text(*arguments: str) -> str:
    """Runs `az …` silently and returns its output. Raises AzureCliError."""
    command = [_program(), *arguments]
    try:
        finished = subprocess.run(  # noqa: S603 no shell
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READ_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise AzureCliError(f"az {' '.join(arguments[:3])} did not finish within {READ_SECONDS} s") from None
    if finished.returncode != 0:
        raise AzureCliError(f"az {' '.join(arguments[:3])} failed: {finished.stderr.strip()}")
    return finished.stdout.strip()


def _program() -> str:
    if (path := shutil.which("az")) is None:
        raise AzureCliError("the Azure CLI (az) is not installed")
    return path
