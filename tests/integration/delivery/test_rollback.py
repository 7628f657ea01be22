"""Which run a rollback accepts on GitHub, and what it says of others that wait, with a stand-in for `gh`."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.delivery.fake_command import FakeCommand
from tools.delivery import github
from tools.delivery.rollback import main

ACTIONS = "api repos/{owner}/{repo}/actions"
WAITING = f"{ACTIONS}/workflows/deploy.yml/runs?branch=main&per_page=100&status=waiting"
PACKAGE = {"name": "package", "expired": False}


def run(number: int, **different: str | None) -> dict[str, Any]:
    """A run as in GitHub's REST API, without unused fields."""
    return {
        "id": number,
        "path": ".github/workflows/deploy.yml",
        "head_branch": "main",
        "head_sha": "0123456789abcdef",
        "display_title": "A change",
        "created_at": "2026-11-23T00:00:00Z",
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://github.com/o/r/actions/runs/{number}",
        **different,
    }


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    """Runs 10 to 12 have succeeded, and nothing waits."""
    fake = FakeCommand(tmp_path / "bin", "gh")
    monkeypatch.setenv("PATH", str(fake.folder))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    for number in (10, 11, 12):
        fake.answers(f"{ACTIONS}/runs/{number}", run(number))
        fake.answers(f"{ACTIONS}/runs/{number}/artifacts?name=package", {"artifacts": [PACKAGE]})
        fake.answers(f"{ACTIONS}/runs/{number}/pending_deployments", [])
    fake.answers(WAITING, {"workflow_runs": []})
    return fake


def accepted(tmp_path: Path) -> str:
    outputs = tmp_path / "outputs"
    return outputs.read_text() if outputs.exists() else ""


def test_the_run_is_asked_for(gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["prod"])

    assert "--run" in capsys.readouterr().err
    assert (gh.calls(), accepted(tmp_path)) == ([], "")


def test_a_run_with_a_package_is_accepted(gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prod", "--run", "11"]) == 0

    assert accepted(tmp_path) == "run=11\n"
    assert capsys.readouterr().out == "Run 11: 01234567 A change, 2026-11-23T00:00:00Z\n"


@pytest.mark.parametrize("different", [{"path": ".github/workflows/ci.yml"}, {"head_branch": "somebodys-change"}])
def test_a_run_of_another_workflow_or_branch_is_refused(
    gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str], different: dict[str, str]
) -> None:
    gh.answers(f"{ACTIONS}/runs/30", run(30, **different))

    assert main(["prod", "--run", "30"]) == 1

    assert accepted(tmp_path) == ""
    assert "not of deploy.yml on main" in capsys.readouterr().err


@pytest.mark.parametrize("artifacts", [[], [{**PACKAGE, "expired": True}]])
def test_a_run_without_a_package_is_refused_with_another_way(
    gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str], artifacts: list[dict[str, Any]]
) -> None:
    gh.answers(f"{ACTIONS}/runs/11/artifacts?name=package", {"artifacts": artifacts})

    assert main(["prod", "--run", "11"]) == 1

    assert accepted(tmp_path) == ""
    assert "check out 0123456789abcdef, run `make package`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("different", "shown"),
    [({"conclusion": "failure"}, "failure"), ({"conclusion": None, "status": "waiting"}, "waiting")],
)
def test_a_run_that_did_not_succeed_is_used_with_a_warning(
    gh: FakeCommand,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    different: dict[str, str | None],
    shown: str,
) -> None:
    gh.answers(f"{ACTIONS}/runs/11", run(11, **different), times=1)

    assert main(["dev", "--run", "11"]) == 0

    assert accepted(tmp_path) == "run=11\n"
    assert f"::warning::Run 11 did not succeed ({shown})" in capsys.readouterr().out


def test_runs_that_wait_for_approval_are_named_and_not_cancelled(
    gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gh.answers(WAITING, {"workflow_runs": [run(11), run(12)]})
    gh.answers(f"{ACTIONS}/runs/11/pending_deployments", [{"environment": {"name": "dev"}}])
    gh.answers(f"{ACTIONS}/runs/12/pending_deployments", [{"environment": {"name": "prod"}}])

    assert main(["prod", "--run", "10"]) == 0

    assert accepted(tmp_path) == "run=10\n"
    [warning] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::warning::")]
    assert "Run 12 waits for approval of prod" in warning
    assert "gh run cancel 12 (https://github.com/o/r/actions/runs/12)" in warning
    assert [call for call in gh.calls() if "cancel" in call or "--method" in call] == []


@pytest.mark.parametrize("fails", [f"{ACTIONS}/runs/10", WAITING])
def test_a_failure_of_github_is_reported(
    gh: FakeCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: str
) -> None:
    gh.answers(fails, code=1, error="HTTP 403")

    assert main(["prod", "--run", "10"]) == 1

    assert accepted(tmp_path) == ""
    assert "HTTP 403" in capsys.readouterr().err


def test_github_has_limited_time(
    gh: FakeCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(github, "SECONDS", 0.2)
    gh.answers(f"{ACTIONS}/runs/10", run(10), seconds=5)

    assert main(["prod", "--run", "10"]) == 1

    assert "did not finish within 0.2 s" in capsys.readouterr().err
