"""For rollback.yml on GitHub: finds the run of deploy.yml whose package an environment goes back to, and makes way.

`python -m tools.delivery.rollback ENVIRONMENT [--run NUMBER]`. Without a number it is the latest run that went well
there before the one whose package runs there now.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACTIONS = "repos/{owner}/{repo}/actions"  # gh fills in the repository
DEPLOY_WORKFLOW = "deploy.yml"
# Those that call environment.yml, whose job says in its name where it deploys which package.
WORKFLOWS = (DEPLOY_WORKFLOW, "rollback.yml")
BRANCH = "main"
DEPLOY_STEP = "Deploy"
RUNS_LOOKED_AT = 100
JOBS_A_PAGE = 100  # the most that GitHub gives at once
GH_SECONDS = 60
ROUNDS = 5
SECONDS_BETWEEN_ROUNDS = 6


class RollbackError(Exception):
    """There is nothing to go back to, or GitHub does not answer. The message says which."""


@dataclass(frozen=True)
class Deployment:
    """A package that was given to an environment. `run`: the run of deploy.yml that built it."""

    run: int
    started_at: str
    went_well: bool


def deployments(jobs: Iterable[Mapping[str, Any]], environment: str) -> Iterator[Deployment]:
    """Those among the jobs of runs that began to change the environment: not what waits, or failed before."""
    for job in jobs:
        named = re.search(rf"(?:^| / ){re.escape(environment)}, package of run (\d+)$", job["name"])
        if named and any(step["name"] == DEPLOY_STEP and _began(step) for step in job.get("steps") or ()):
            yield Deployment(int(named[1]), job["started_at"], job["conclusion"] == "success")


def _began(step: Mapping[str, Any]) -> bool:
    return step["status"] in ("in_progress", "completed") and step["conclusion"] != "skipped"


def run_before(made: Iterable[Deployment]) -> int | None:
    """The latest run that went well before the one whose package runs now; None where there is none."""
    in_order = sorted(made, key=lambda one: one.started_at)
    went_well = {one.run for one in in_order if one.went_well}
    history: list[int] = []
    for one in in_order:
        if one.run in history:  # gone back to: what came after it is no place to go back to
            del history[history.index(one.run) :]
        history.append(one.run)
    return next((run for run in reversed(history[:-1]) if run in went_well), None)


def find(environment: str) -> int:
    """Raises RollbackError."""
    runs = [run["id"] for workflow in WORKFLOWS for run in _runs(workflow)]
    jobs = [job for run in runs for job in _jobs(run)]
    if (run := run_before(deployments(jobs, environment))) is None:
        raise RollbackError(
            f"Among the last {RUNS_LOOKED_AT} runs none went well in {environment} before: give a number"
        )
    return run


def check(run: int) -> None:
    """Other runs may have a package too: that of a change nobody has taken over yet. Raises RollbackError."""
    found = _gh(f"{ACTIONS}/runs/{run}")
    origin = Path(found["path"].partition("@")[0]).name, found["head_branch"]
    if origin != (DEPLOY_WORKFLOW, BRANCH):
        raise RollbackError(f"Run {run} is of {origin[0]} on {origin[1]}, not of {DEPLOY_WORKFLOW} on {BRANCH}")
    _say(f"Run {run}: {found['head_sha'][:8]} {found['display_title']}, {found['created_at']}")


def stop_waiting(environment: str, seconds_between: float) -> None:
    """Cancels what waits to be approved: it holds the environment's concurrency group, and comes after what is bad.

    When it is gone, the next may begin to wait: hence the rounds. Raises RollbackError.
    """
    stopped: set[int] = set()
    for _ in range(ROUNDS):
        waiting = {run["id"] for run in _runs(DEPLOY_WORKFLOW, "&status=waiting") if _waits(run["id"], environment)}
        for run in sorted(waiting - stopped):
            _gh(f"{ACTIONS}/runs/{run}/cancel", "--method", "POST")
            _say(f"Cancelled run {run}, which waited for {environment} to be approved.")
        if not waiting:
            return
        stopped |= waiting
        time.sleep(seconds_between)


def _waits(run: int, environment: str) -> bool:
    pending = _gh(f"{ACTIONS}/runs/{run}/pending_deployments")
    return any(one["environment"]["name"] == environment for one in pending)


def _runs(workflow: str, condition: str = "") -> list[Mapping[str, Any]]:
    query = f"branch={BRANCH}&per_page={RUNS_LOOKED_AT}{condition}"
    return list(_gh(f"{ACTIONS}/workflows/{workflow}/runs?{query}")["workflow_runs"])


def _jobs(run: int) -> Iterator[Mapping[str, Any]]:
    """Those of all attempts: by default, GitHub leaves out what was deployed before *Re-run*."""
    for page in itertools.count(1):
        found = _gh(f"{ACTIONS}/runs/{run}/jobs?filter=all&per_page={JOBS_A_PAGE}&page={page}")["jobs"]
        yield from found
        if len(found) < JOBS_A_PAGE:
            return


def _gh(*arguments: str) -> Any:
    if (program := shutil.which("gh")) is None:
        raise RollbackError("GitHub's command line (gh) is not installed")
    try:
        finished = subprocess.run(  # noqa: S603 no shell
            [program, "api", *arguments], check=False, capture_output=True, text=True, timeout=GH_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise RollbackError(f"gh api {arguments[0]} did not answer within {GH_SECONDS} s") from None
    if finished.returncode != 0:
        raise RollbackError(f"gh api {arguments[0]} failed: {finished.stderr.strip()}")
    return json.loads(finished.stdout or "null")


def main(arguments: list[str] | None = None, seconds_between: float = SECONDS_BETWEEN_ROUNDS) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.delivery.rollback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("environment", help="such as prod")
    parser.add_argument("--run", type=int, help="the run of deploy.yml: the number in its address")
    given = parser.parse_args(arguments)
    try:
        run = given.run or find(given.environment)
        check(run)
        stop_waiting(given.environment, seconds_between)
    except RollbackError as error:
        sys.stderr.write(f"::error::{error}\n")
        return 1
    if step_outputs := os.environ.get("GITHUB_OUTPUT"):
        with Path(step_outputs).open("a", encoding="utf-8") as file:
            file.write(f"run={run}\n")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
