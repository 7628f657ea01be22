"""Which run a rollback finds and cancels on GitHub, with a stand-in for `gh`."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery.rollback import main

ACTIONS = "api repos/{owner}/{repo}/actions"
WAITING = f"{ACTIONS}/workflows/deploy.yml/runs?branch=main&per_page=100&status=waiting"
STEPS = [{"name": "Deploy", "status": "completed", "conclusion": "success"}]


def run(number: int, **different: str) -> dict[str, Any]:
    defaults = {"path": ".github/workflows/deploy.yml", "head_branch": "main", "head_sha": "0123456789abcdef"}
    return {"id": number, **defaults, "display_title": "A change", "created_at": "2026-11-23T00:00:00Z", **different}


def deployed(number: int, environment: str, package: int, hour: int, conclusion: str = "success") -> dict[str, Any]:
    name = f"{environment} / {environment}, package of run {package}"
    return {"name": name, "conclusion": conclusion, "started_at": f"2026-11-23T{hour:02}:00:00Z", "steps": STEPS}


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    """Run 12 is deployed to dev and waits for approval of prod; prod runs the package of run 11."""
    fake = FakeCommand(tmp_path / "bin", "gh")
    monkeypatch.setenv("PATH", str(fake.folder))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    jobs = {
        12: [deployed(12, "dev", 12, 5), {"name": "prod / prod, package of run 12", "steps": []}],
        11: [deployed(11, "dev", 11, 3), deployed(11, "prod", 11, 4)],
        10: [deployed(10, "dev", 10, 1), deployed(10, "prod", 10, 2)],
    }
    fake.answers(f"{ACTIONS}/workflows/deploy.yml/runs?branch=main", {"workflow_runs": [run(one) for one in jobs]})
    fake.answers(f"{ACTIONS}/workflows/rollback.yml/runs?branch=main", {"workflow_runs": []})
    for number, jobs_of_run in jobs.items():
        fake.answers(f"{ACTIONS}/runs/{number}", run(number))
        fake.answers(f"{ACTIONS}/runs/{number}/jobs", {"jobs": jobs_of_run})
        fake.answers(f"{ACTIONS}/runs/{number}/pending_deployments", [])
        fake.answers(f"{ACTIONS}/runs/{number}/cancel --method POST", {})
    fake.answers(WAITING, {"workflow_runs": []})
    return fake


def waits(gh: FakeCommand, *numbers: int, times: int = 1) -> None:
    """Makes these runs wait for approval of prod, the next `times` times that they are listed."""
    gh.answers(WAITING, {"workflow_runs": [run(one) for one in numbers]}, times=times)
    for number in numbers:
        gh.answers(f"{ACTIONS}/runs/{number}/pending_deployments", [{"environment": {"name": "prod"}}])


def found(tmp_path: Path) -> str:
    outputs = tmp_path / "outputs"
    return outputs.read_text() if outputs.exists() else ""


@pytest.mark.parametrize(("environment", "before"), [("prod", 10), ("dev", 11)])
def test_the_run_before_the_deployed_one_is_found(
    gh: FakeCommand, tmp_path: Path, environment: str, before: int
) -> None:
    assert main([environment], pause_seconds=0) == 0

    assert found(tmp_path) == f"run={before}\n"


def test_an_earlier_rollback_is_taken_into_account(gh: FakeCommand, tmp_path: Path) -> None:
    back = {**deployed(20, "prod", 10, 6), "name": "deploy / prod, package of run 10"}
    gh.answers(f"{ACTIONS}/workflows/rollback.yml/runs?branch=main", {"workflow_runs": [run(20)]})
    gh.answers(f"{ACTIONS}/runs/20/jobs", {"jobs": [back]})

    assert main(["prod"], pause_seconds=0) == 1

    assert found(tmp_path) == ""


@pytest.mark.parametrize(
    ("attempts", "before"),
    [
        # 12 was bad, so 11 was re-run instead of using rollback.yml: never go back to 12.
        ({10: [(1, "success")], 11: [(2, "success"), (4, "success")], 12: [(3, "success")]}, 10),
        # 11 was good, although its re-run failed; 12 was bad.
        ({10: [(1, "success")], 11: [(2, "success"), (3, "failure")], 12: [(4, "failure")]}, 11),
    ],
)
def test_the_deployments_of_earlier_attempts_are_taken_into_account(
    gh: FakeCommand, tmp_path: Path, attempts: dict[int, list[tuple[int, str]]], before: int
) -> None:
    for number, made in attempts.items():
        jobs = [deployed(number, "prod", number, hour, conclusion) for hour, conclusion in made]
        gh.answers(f"{ACTIONS}/runs/{number}/jobs", {"jobs": jobs[-1:]})  # GitHub's default
        gh.answers(f"{ACTIONS}/runs/{number}/jobs?filter=all&", {"jobs": jobs})

    assert main(["prod"], pause_seconds=0) == 0

    assert found(tmp_path) == f"run={before}\n"


def test_jobs_are_read_from_all_pages(gh: FakeCommand, tmp_path: Path) -> None:
    others = [{"name": "ci / Test and check", "steps": []}] * 100
    jobs = f"{ACTIONS}/runs/12/jobs?filter=all&per_page=100"
    gh.answers(jobs, {"jobs": others})
    gh.answers(f"{jobs}&page=2", {"jobs": [deployed(12, "prod", 12, 5)]})

    assert main(["prod"], pause_seconds=0) == 0

    assert found(tmp_path) == "run=11\n"
    assert gh.calls("runs/12/jobs") == [f"{jobs}&page=1", f"{jobs}&page=2"]


def test_a_given_run_is_used(gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prod", "--run", "11"], pause_seconds=0) == 0

    assert found(tmp_path) == "run=11\n"
    assert "Run 11: 01234567 A change" in capsys.readouterr().out
    assert gh.calls("/jobs") == []


@pytest.mark.parametrize("different", [{"path": ".github/workflows/ci.yml"}, {"head_branch": "somebodys-change"}])
def test_a_run_of_another_workflow_or_branch_is_refused(
    gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str], different: dict[str, str]
) -> None:
    gh.answers(f"{ACTIONS}/runs/30", run(30, **different))

    assert main(["prod", "--run", "30"], pause_seconds=0) == 1

    assert found(tmp_path) == ""
    assert "not of deploy.yml on main" in capsys.readouterr().err


def test_runs_that_wait_for_approval_are_cancelled_one_after_the_other(gh: FakeCommand) -> None:
    waits(gh, 11)
    waits(gh, 12, times=2)

    assert main(["prod", "--run", "10"], pause_seconds=0) == 0

    assert gh.calls("/cancel") == [f"{ACTIONS}/runs/{one}/cancel --method POST" for one in (12, 11)]


def test_runs_that_wait_for_another_environment_are_not_cancelled(gh: FakeCommand) -> None:
    waits(gh, 12)

    assert main(["dev"], pause_seconds=0) == 0

    assert gh.calls("/cancel") == []


def test_a_failure_of_github_is_reported(gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gh.answers(f"{ACTIONS}/workflows/deploy.yml", code=1, error="HTTP 403")

    assert main(["prod"], pause_seconds=0) == 1

    assert found(tmp_path) == ""
    assert "HTTP 403" in capsys.readouterr().err
