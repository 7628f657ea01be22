"""For rollback.yml on GitHub: finds the run of deploy.yml whose package an environment goes back to, and makes way.

`python -m tools.delivery.rollback ENVIRONMENT [--run NUMBER]`. Without a number, it is the latest run that succeeded in
the environment before the run whose package is deployed there now.
"""

import itertools
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.command_line import parser, set_step_output, show, show_error

ACTIONS = "repos/{owner}/{repo}/actions"  # gh fills in the repository
DEPLOY_WORKFLOW = "deploy.yml"
# The workflows that call environment.yml, whose job's name says which package is deployed where.
WORKFLOWS = (DEPLOY_WORKFLOW, "rollback.yml")
BRANCH = "main"
DEPLOY_STEP = "Deploy"
RUNS_READ = 100  # the most that GitHub returns in one page, and months of deployments
JOBS_A_PAGE = 100  # the most that GitHub returns
GH_SECONDS = 60  # far beyond any response of GitHub's API
CANCEL_ROUNDS = 5  # with the pause, half a minute: after each cancellation GitHub lets the next run wait for approval
ROUND_PAUSE_SECONDS = 6


class RollbackError(Exception):
    """There is nothing to go back to, or GitHub does not respond. The message says which."""


@dataclass(frozen=True)
class Deployment:
    """A package that was deployed to an environment. `run`: the run of deploy.yml that built it."""

    run: int
    started_at: str
    succeeded: bool


def deployments(jobs: Iterable[Mapping[str, Any]], environment: str) -> Iterator[Deployment]:
    """The jobs that started to change the environment. Leaves out jobs that wait, or failed earlier."""
    for job in jobs:
        named = re.search(rf"(?:^| / ){re.escape(environment)}, package of run (\d+)$", job["name"])
        if named and any(step["name"] == DEPLOY_STEP and _started(step) for step in job.get("steps") or ()):
            yield Deployment(int(named[1]), job["started_at"], job["conclusion"] == "success")


def _started(step: Mapping[str, Any]) -> bool:
    return step["status"] in ("in_progress", "completed") and step["conclusion"] != "skipped"


def run_before(made: Iterable[Deployment]) -> int | None:
    """The latest successful run before the one that is deployed now; None if there is none."""
    in_order = sorted(made, key=lambda deployment: deployment.started_at)
    succeeded = {deployment.run for deployment in in_order if deployment.succeeded}
    history: list[int] = []
    for deployment in in_order:
        if deployment.run in history:  # a rollback: never go back to what was rolled back from
            del history[history.index(deployment.run) :]
        history.append(deployment.run)
    return next((run for run in reversed(history[:-1]) if run in succeeded), None)


def find(environment: str) -> int:
    """The run to go back to. Raises RollbackError."""
    runs = [run["id"] for workflow in WORKFLOWS for run in _runs(workflow)]
    jobs = [job for run in runs for job in _jobs(run)]
    if (run := run_before(deployments(jobs, environment))) is None:
        raise RollbackError(f"None of the last {RUNS_READ} runs succeeded in {environment} before: give a number")
    return run


def check(run: int) -> None:
    """Refuses runs of other workflows and branches, whose packages nobody has merged yet. Raises RollbackError."""
    found = _gh(f"{ACTIONS}/runs/{run}")
    workflow, branch = Path(found["path"].partition("@")[0]).name, found["head_branch"]
    if (workflow, branch) != (DEPLOY_WORKFLOW, BRANCH):
        raise RollbackError(f"Run {run} is of {workflow} on {branch}, not of {DEPLOY_WORKFLOW} on {BRANCH}")
    show(f"Run {run}: {found['head_sha'][:8]} {found['display_title']}, {found['created_at']}")


def cancel_waiting_runs(environment: str, pause_seconds: float) -> None:
    """Cancels the runs that wait for approval: they block the environment's concurrency group. Raises RollbackError.

    After each the next may start to wait, so this takes several rounds.
    """
    cancelled: set[int] = set()
    for _ in range(CANCEL_ROUNDS):
        waiting = {
            run["id"]
            for run in _runs(DEPLOY_WORKFLOW, "&status=waiting")
            if _waits_for_approval(run["id"], environment)
        }
        for run in sorted(waiting - cancelled):
            _gh(f"{ACTIONS}/runs/{run}/cancel", "--method", "POST")
            show(f"Cancelled run {run}, which was waiting for approval of {environment}.")
        if not waiting:
            return
        cancelled |= waiting
        time.sleep(pause_seconds)


def _waits_for_approval(run: int, environment: str) -> bool:
    pending = _gh(f"{ACTIONS}/runs/{run}/pending_deployments")
    return any(deployment["environment"]["name"] == environment for deployment in pending)


def _runs(workflow: str, condition: str = "") -> list[Mapping[str, Any]]:
    query = f"branch={BRANCH}&per_page={RUNS_READ}{condition}"
    return list(_gh(f"{ACTIONS}/workflows/{workflow}/runs?{query}")["workflow_runs"])


def _jobs(run: int) -> Iterator[Mapping[str, Any]]:
    """The jobs of all attempts; GitHub's default is the latest attempt only."""
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
        raise RollbackError(f"gh api {arguments[0]} did not finish within {GH_SECONDS} s") from None
    if finished.returncode != 0:
        raise RollbackError(f"gh api {arguments[0]} failed: {finished.stderr.strip()}")
    return json.loads(finished.stdout or "null")


def main(arguments: list[str] | None = None, pause_seconds: float = ROUND_PAUSE_SECONDS) -> int:
    command_line = parser("tools.delivery.rollback", __doc__)
    command_line.add_argument("environment", help="such as prod")
    command_line.add_argument("--run", type=int, help="the run of deploy.yml: the number in its URL")
    options = command_line.parse_args(arguments)
    try:
        run = options.run or find(options.environment)
        check(run)
        cancel_waiting_runs(options.environment, pause_seconds)
    except RollbackError as error:
        show_error(f"::error::{error}")
        return 1
    set_step_output("run", run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
