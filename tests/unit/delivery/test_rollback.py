"""Which run an environment goes back to."""

from typing import Any

import pytest

from tests.unit.delivery.workflows import FOLDER, read
from tools.delivery.rollback import DEPLOY_STEP, WORKFLOWS, Deployment, deployments, run_before

GOOD, BAD = True, False


def history(*packages: tuple[int, bool]) -> list[Deployment]:
    """Deployments one after the other, listed as GitHub does: newest first."""
    return [Deployment(run, f"2026-11-23T{hour:02}:00:00Z", well) for hour, (run, well) in enumerate(packages)][::-1]


def job(name: str, conclusion: str | None, deploy_step: str | None = "success") -> dict[str, Any]:
    """A job as in GitHub's REST API, without unused fields. `deploy_step`: its conclusion; None: there are no steps."""
    steps = [
        {"name": "Install", "number": 4, "status": "completed", "conclusion": "success"},
        {"name": "Deploy", "number": 7, "status": "completed", "conclusion": deploy_step},
    ]
    return {
        "id": 57,
        "run_id": 30,
        "status": "completed" if conclusion else "waiting",
        "conclusion": conclusion,
        "started_at": "2026-11-23T01:00:00Z",
        "completed_at": "2026-11-23T01:20:00Z" if conclusion else None,
        "name": name,
        "steps": steps if deploy_step else [],
    }


@pytest.mark.parametrize(
    ("packages", "before"),
    [
        ([], None),
        ([(1, GOOD)], None),
        ([(1, GOOD), (2, GOOD)], 1),
        ([(1, GOOD), (2, GOOD), (3, GOOD)], 2),
        # Never go back to a failed deployment,
        ([(1, GOOD), (2, BAD), (3, GOOD)], 1),
        # but the latest counts as deployed even if it failed: it is, at least in part.
        ([(1, GOOD), (2, GOOD), (3, BAD)], 2),
        # A second rollback goes further back, not to where the first came from.
        ([(1, GOOD), (2, GOOD), (3, GOOD), (2, GOOD)], 1),
        ([(1, GOOD), (2, GOOD), (3, GOOD), (2, BAD)], 1),
        ([(1, GOOD), (2, GOOD), (1, GOOD)], None),
        # What was rolled back from was bad: later rollbacks skip it.
        ([(1, GOOD), (2, GOOD), (1, GOOD), (3, GOOD)], 1),
        # A failed rollback does not make a good package bad.
        ([(1, GOOD), (2, GOOD), (1, BAD), (3, GOOD)], 1),
    ],
)
def test_it_goes_back_to_the_latest_success_before_the_deployed_run(
    packages: list[tuple[int, bool]], before: int | None
) -> None:
    assert run_before(history(*packages)) == before


def test_the_deployments_are_read_from_the_jobs_of_both_workflows() -> None:
    jobs = [
        job("ci / Test and check", "success"),
        job("dev / dev, package of run 30", "success"),
        job("What would change in prod", "success"),
        job("prod / prod, package of run 30", "success"),
        job("deploy / prod, package of run 29", "failure"),
    ]

    assert list(deployments(jobs, "prod")) == [
        Deployment(30, "2026-11-23T01:00:00Z", succeeded=True),
        Deployment(29, "2026-11-23T01:00:00Z", succeeded=False),
    ]


@pytest.mark.parametrize(
    ("conclusion", "deploy_step"),
    [
        (None, None),  # waits for approval
        ("cancelled", None),  # rejected, or cancelled while it waited
        ("failure", "skipped"),  # failed before
        ("skipped", None),
    ],
)
def test_a_job_that_changed_nothing_is_not_a_deployment(conclusion: str | None, deploy_step: str | None) -> None:
    assert list(deployments([job("prod / prod, package of run 30", conclusion, deploy_step)], "prod")) == []


def test_a_running_job_is_a_deployment() -> None:
    running = job("prod / prod, package of run 30", None)
    running["steps"][1] |= {"status": "in_progress", "conclusion": None}

    assert [deployment.run for deployment in deployments([running], "prod")] == [30]


def test_the_workflows_name_job_and_step_as_the_rollback_expects() -> None:
    template = read("environment.yml")["jobs"]["deploy"]
    name = template["name"].replace("${{ inputs.environment }}", "prod").replace("${{ inputs.package-run }}", "30")
    callers = {
        path.name for path in FOLDER.glob("*.yml") if "uses: ./.github/workflows/environment.yml" in path.read_text()
    }

    assert len(list(deployments([job(f"prod / {name}", "success")], "prod"))) == 1
    assert [step["id"] for step in template["steps"] if step.get("name") == DEPLOY_STEP] == ["deploy"]
    assert callers == set(WORKFLOWS)
