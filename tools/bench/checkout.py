"""Another checkout of this project, and one task of the bench on it.

The task runs in a process of its own with this checkout's tools; the stack, its local Azure and its apps are those of
the other checkout.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.load import LoadError
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT

INSTALLED = ("requirements-dev.txt", "local-azure/pyproject.toml")
"""What decides which packages are installed: where these are the same, so is the environment."""

SET_UP_SECONDS = 600
GIT_SECONDS = 60
STOP_SECONDS = 30  # for a stack to end after Ctrl-C


@dataclass(frozen=True)
class Checkout:
    """`python`: the interpreter of an environment with its packages."""

    root: Path
    python: str

    @classmethod
    def here(cls) -> "Checkout":
        return cls(ROOT, sys.executable)

    def run(self, task: str, options: Mapping[str, Any], seconds: float, settings: Mapping[str, str]) -> dict[str, Any]:
        """Runs a task of tools/bench/worker.py, for `seconds` at most; returns its result. Raises LoadError."""
        command = [self.python, "-m", "tools.bench.worker", task]
        given = json.dumps({"config": str(self.root / LOCAL_AZURE_SETTINGS.name), **options})
        path = str(self.root / "local-azure/src")
        worker = subprocess.Popen(  # noqa: S603 this module, an interpreter of this project
            command,
            cwd=ROOT,
            env=os.environ | dict(settings) | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            output, errors = worker.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise LoadError(f"{task} in {self.root} has not ended after {seconds:.0f} s") from None
        finally:
            # After Ctrl-C or a timeout: the worker ends its stack first.
            if worker.poll() is None:
                worker.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.wait(STOP_SECONDS)
                worker.kill()
        if worker.returncode:
            raise LoadError(f"{task} in {self.root} failed: {(errors.strip().splitlines() or ['no message'])[-1]}")
        result: dict[str, Any] = json.loads(output)
        return result


@contextlib.contextmanager
def other(base: str) -> Iterator[Checkout]:
    """The checkout in a folder, or of a revision in a temporary worktree. Raises LoadError."""
    if Path(base, LOCAL_AZURE_SETTINGS.name).is_file():
        yield _checkout(Path(base).resolve())
        return
    with tempfile.TemporaryDirectory(prefix="ssak8-base-") as folder:
        root = Path(folder) / "base"
        _git("worktree", "add", "--detach", str(root), base)
        try:
            yield _checkout(root)
        finally:
            _git("worktree", "remove", "--force", str(root))


def _checkout(root: Path) -> Checkout:
    """Uses this environment where the packages are the same; else the one that its own set-up makes."""
    if all((root / name).read_bytes() == (ROOT / name).read_bytes() for name in INSTALLED):
        return Checkout(root, sys.executable)
    _finish(["make", "-C", str(root), ".venv/installed"], SET_UP_SECONDS)
    return Checkout(root, str(root / ".venv/bin/python"))


def _git(*arguments: str) -> None:
    _finish(["git", "-C", str(ROOT), *arguments], GIT_SECONDS)


def _finish(command: list[str], seconds: float) -> None:
    """Raises LoadError."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise LoadError(f"{' '.join(command)}: not ended after {seconds:.0f} s") from None
    if finished.returncode:
        raise LoadError(f"{' '.join(command)}: {(finished.stderr.strip().splitlines() or ['failed'])[-1]}")
