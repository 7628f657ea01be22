"""Which run an environment goes back to."""

from typing import Any

import pytest

from tests.unit.delivery.workflows import FOLDER, read
from tools.delivery.rollback import DEPLOY_STEP, WORKFLOWS, Deployment, deployments, run_before

GOOD, BAD = True, False


def history(*packages: tuple[int, bool]) -> list[Deployment]:
    """Deployments one after the other, in the order that GitHub tells them: the newest first."""
    return [Deployment(run, f"2026-11-23T{hour:02}:00:00Z", well) for hour, (run, well) in enumerate(packages)][::-1]


def job(name: str, conclusion: str | None, deploy_step: str | None = "success") -> dict[str, Any]:
    """As the REST API tells it, without what nobody reads. `deploy_step`: its conclusion; None: there are no steps."""
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
        # What did not go well the first time is no place to go back to,
        ([(1, GOOD), (2, BAD), (3, GOOD)], 1),
        # but the newest runs there all the same, at least in part.
        ([(1, GOOD), (2, GOOD), (3, BAD)], 2),
        # Going back once more goes further back, and not to where it came from.
        ([(1, GOOD), (2, GOOD), (3, GOOD), (2, GOOD)], 1),
        ([(1, GOOD), (2, GOOD), (3, GOOD), (2, BAD)], 1),
        ([(1, GOOD), (2, GOOD), (1, GOOD)], None),
        # What was gone back from was bad: the next one does not go back to it.
        ([(1, GOOD), (2, GOOD), (1, GOOD), (3, GOOD)], 1),
        # Going back that callers noticed makes a good package no bad one.
        ([(1, GOOD), (2, GOOD), (1, BAD), (3, GOOD)], 1),
    ],
)
def test_it_goes_back_to_the_latest_that_went_well_before_the_one_that_runs(
    packages: list[tuple[int, bool]], before: int | None
) -> None:
    assert run_before(history(*packages)) == before


def test_deployments_of_the_environment_are_read_from_the_jobs_of_both_workflows() -> None:
    jobs = [
        job("ci / Test and check", "success"),
        job("dev / dev, package of run 30", "success"),
        job("What prod would change", "success"),
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
def test_what_changed_nothing_there_is_no_deployment(conclusion: str | None, deploy_step: str | None) -> None:
    assert list(deployments([job("prod / prod, package of run 30", conclusion, deploy_step)], "prod")) == []


def test_what_runs_at_the_moment_is_one() -> None:
    running = job("prod / prod, package of run 30", None)
    running["steps"][1] |= {"status": "in_progress", "conclusion": None}

    assert [one.run for one in deployments([running], "prod")] == [30]


def test_the_workflows_name_their_job_and_step_as_they_are_looked_for() -> None:
    template = read("environment.yml")["jobs"]["deploy"]
    name = template["name"].replace("${{ inputs.environment }}", "prod").replace("${{ inputs.package-run }}", "30")
    callers = {
        path.name for path in FOLDER.glob("*.yml") if "uses: ./.github/workflows/environment.yml" in path.read_text()
    }

    assert len(list(deployments([job(f"prod / {name}", "success")], "prod"))) == 1
    assert [step["id"] for step in template["steps"] if step.get("name") == DEPLOY_STEP] == ["deploy"]
    assert callers == set(WORKFLOWS)
