"""For rollback.yml on GitHub: checks the run of deploy.yml whose package an environment goes back to.

`python -m tools.delivery.rollback ENVIRONMENT --run NUMBER`. It cancels nothing: it names the runs that wait for
approval of the environment, and how to cancel them.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.command_line import parser, set_step_output, show, show_error
from tools.delivery import github
from tools.delivery.github import GitHubError

ACTIONS = "repos/{owner}/{repo}/actions"  # gh fills in the repository
DEPLOY_WORKFLOW = "deploy.yml"
PACKAGE_ARTIFACT = "package"  # as ci.yml calls it
BRANCH = "main"
RUNS_READ = 100  # the most that GitHub returns in one page


class RollbackError(Exception):
    """The run cannot be used. The message says why."""


def check(run: int) -> None:
    """Refuses runs of other workflows and branches, and runs without a package. Raises RollbackError, GitHubError."""
    found = github.api(f"{ACTIONS}/runs/{run}")
    workflow, branch = Path(found["path"].partition("@")[0]).name, found["head_branch"]
    if (workflow, branch) != (DEPLOY_WORKFLOW, BRANCH):
        raise RollbackError(f"Run {run} is of {workflow} on {branch}, not of {DEPLOY_WORKFLOW} on {BRANCH}")
    artifacts = github.api(f"{ACTIONS}/runs/{run}/artifacts?name={PACKAGE_ARTIFACT}")["artifacts"]
    if all(artifact["expired"] for artifact in artifacts):
        raise RollbackError(
            f"Run {run} has no package: check out {found['head_sha']}, run `make package`, "
            "and deploy it with `python -m tools.delivery apps ENVIRONMENT --package FILE`"
        )
    show(f"Run {run}: {found['head_sha'][:8]} {found['display_title']}, {found['created_at']}")
    if (result := found["conclusion"]) != "success":
        show(f"::warning::Run {run} did not succeed ({result or found['status']}): is this the package you want?")


def name_waiting_runs(environment: str) -> None:
    """Warns of each run that waits for approval of the environment. Raises GitHubError."""
    for run in _runs_with_pending_approvals():
        if environment in _waits_for(run["id"]):
            show(
                f"::warning::Run {run['id']} waits for approval of {environment}. This rollback may have to wait for "
                f"it, and approved later, it would replace the package again. To cancel it: gh run cancel {run['id']} "
                f"({run['html_url']}). Look again after that: the next run may be waiting then."
            )


def _runs_with_pending_approvals() -> list[Mapping[str, Any]]:
    query = f"branch={BRANCH}&per_page={RUNS_READ}&status=waiting"
    return list(github.api(f"{ACTIONS}/workflows/{DEPLOY_WORKFLOW}/runs?{query}")["workflow_runs"])


def _waits_for(run: int) -> set[str]:
    """The environments whose approval a run waits for."""
    return {deployment["environment"]["name"] for deployment in github.api(f"{ACTIONS}/runs/{run}/pending_deployments")}


def main(arguments: list[str] | None = None) -> int:
    command_line = parser("tools.delivery.rollback", __doc__)
    command_line.add_argument("environment", help="such as prod")
    command_line.add_argument("--run", type=int, required=True, help="the run of deploy.yml: the number in its URL")
    options = command_line.parse_args(arguments)
    try:
        check(options.run)
        name_waiting_runs(options.environment)
    except (RollbackError, GitHubError) as error:
        show_error(f"::error::{error}")
        return 1
    set_step_output("run", options.run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
