"""Runs the Azure CLI. Every command has a time limit: one that waits for Azure may otherwise never end."""

import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.command_line import show

READ_SECONDS = 120  # Azure answers within seconds; the CLI itself may first have to renew its token
END_SECONDS = 10  # for a command that was told to end, until it is killed
SHOWN_IN_MINUTES = 600  # seconds: from here on, minutes are easier to read


@dataclass(frozen=True)
class TimeLimit:
    """How long a command may take. `then`: what to do if it took longer."""

    seconds: float
    then: str

    def __str__(self) -> str:
        return f"{self.seconds / 60:g} min" if self.seconds >= SHOWN_IN_MINUTES else f"{self.seconds:g} s"


READ = TimeLimit(READ_SECONDS, "Azure or the network is slow: try again")


class AzureCliError(Exception):
    """A command failed. The message names it, and has the CLI's own message if that was not shown."""


class AzureCliTimeoutError(AzureCliError):
    """A command did not finish in time and was ended. What it began may go on in Azure."""


def is_installed() -> bool:
    return shutil.which("az") is not None


def run(*arguments: str, limit: TimeLimit, variables: Mapping[str, str] | None = None) -> None:
    """Shows and runs `az …`, with its output. Raises AzureCliError.

    `variables`: added to its environment.
    """
    added = variables or {}
    show(f"$ {shlex.join([*(f'{name}={value}' for name, value in added.items()), 'az', *arguments])}")
    process = subprocess.Popen(  # noqa: S603 no shell
        [_program(), *arguments], stdin=subprocess.DEVNULL, env={**os.environ, **added}, process_group=0
    )
    _finish(process, arguments, limit)
    if process.returncode != 0:
        raise AzureCliError(f"{_name(arguments)} failed (exit code {process.returncode}): see above")


def read_json(*arguments: str) -> Any:
    """Runs `az …` silently and returns its output, parsed; None if there is none. Raises AzureCliError."""
    text = read_text(*arguments, "--output", "json")
    return json.loads(text) if text else None


def read_text(*arguments: str) -> str:
    """Runs `az …` silently and returns its output. Raises AzureCliError."""
    process = subprocess.Popen(  # noqa: S603 no shell
        [_program(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    output, errors = _finish(process, arguments, READ)
    if process.returncode != 0:
        raise AzureCliError(f"{_name(arguments)} failed: {errors.strip()}")
    return output.strip()


def _finish(process: subprocess.Popen[Any], arguments: Sequence[str], limit: TimeLimit) -> tuple[str, str]:
    """Waits for a command: its output and errors, where they were captured. Raises AzureCliTimeoutError.

    The process leads a group of its own, because `az` may be a script that does not pass a signal on to the CLI.
    """
    with process:
        try:
            output, errors = process.communicate(timeout=limit.seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            raise AzureCliTimeoutError(
                f"{_name(arguments)} did not finish within {limit} and was ended. {limit.then}"
            ) from None
        except BaseException:  # also Ctrl-C, which does not reach another process group
            _end(process)
            raise
    return output or "", errors or ""


def _end(process: subprocess.Popen[Any]) -> None:
    """Ends a command and all that it has started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _name(arguments: Sequence[str]) -> str:
    """The command without its options."""
    return " ".join(["az", *itertools.takewhile(lambda argument: not argument.startswith("--"), arguments)])


def _program() -> str:
    if (path := shutil.which("az")) is None:
        raise AzureCliError("the Azure CLI (az) is not installed")
    return path
