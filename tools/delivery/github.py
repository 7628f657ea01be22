"""Calls GitHub's API with its command line (gh). Standard library only, as rollback.yml needs it."""

import json
import shutil
import subprocess
from typing import Any

SECONDS = 60  # far beyond any response of GitHub's API


class GitHubError(Exception):
    """GitHub cannot be called, or refuses the call. The message says which."""


def api(path: str) -> Any:
    """The response to GET `path`, parsed; gh fills in {owner} and {repo}. Raises GitHubError."""
    if (program := shutil.which("gh")) is None:
        raise GitHubError("GitHub's command line (gh) is not installed: https://cli.github.com")
    try:
        finished = subprocess.run(  # noqa: S603 no shell
            [program, "api", path], check=False, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise GitHubError(f"gh api {path} did not finish within {SECONDS} s: try again") from None
    if finished.returncode != 0:
        raise GitHubError(f"gh api {path} failed: {finished.stderr.strip()}")
    return json.loads(finished.stdout or "null")
