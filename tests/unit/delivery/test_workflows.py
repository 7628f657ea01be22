"""What zizmor and the workflow schema cannot check: that workflows and project fit together."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.delivery.workflows import FOLDER, read
from tools.delivery import deployment, rollback
from tools.delivery.__main__ import HELP
from tools.paths import ROOT

WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read(name)["jobs"].values() for step in job.get("steps", [])]


def commands(name: str) -> str:
    return "\n".join(step.get("run", "") for step in steps(name))


def test_there_is_one_workflow_for_each_purpose() -> None:
    assert WORKFLOWS == ["ci.yml", "deploy.yml", "environment.yml", "rollback.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_everything_that_a_workflow_runs_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z-]+)", commands(name))) <= targets
    for module in re.findall(r"-m (tools\.delivery[\w.]*)", commands(name)):
        path = Path(*module.split("."))
        assert (ROOT / path / "__main__.py").is_file() or (ROOT / path.with_suffix(".py")).is_file()
    for file in re.findall(r"(?:^|\s)((?:\.ci|tools)/[\w-]+)", commands(name)):
        assert (ROOT / file).is_file()


def test_the_commands_of_the_deploy_step_exist() -> None:
    [deploy] = [step for step in steps("environment.yml") if step.get("id") == "deploy"]

    assert set(re.findall(r"'(\w+)'", deploy["env"]["COMMAND"])) <= set(HELP)
    assert '"$COMMAND" "$ENVIRONMENT" --package' in deploy["run"]


def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it() -> None:
    used = [line for name in WORKFLOWS for line in (FOLDER / name).read_text().splitlines() if "uses: " in line]

    assert len(used) > 10
    for line in used:
        assert re.search(r"uses: (\./\.github/workflows/\w+\.yml$|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)", line)


def test_prod_comes_after_ci_dev_and_the_preview() -> None:
    jobs = read("deploy.yml")["jobs"]

    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert {name: job["needs"] for name, job in jobs.items() if "needs" in job} == {
        "dev": "ci",
        "preview": "dev",
        "prod": "preview",
    }
    assert [jobs[name]["with"]["environment"] for name in ("dev", "prod")] == ["dev", "prod"]
    # A condition could let a job run although the previous one failed.
    assert not [name for name, job in jobs.items() if "if" in job]


def test_each_job_that_signs_in_has_the_environment_with_its_approval_and_identity() -> None:
    """Azure's federated credentials trust the environment by its name, and its reviewers approve the job."""
    [called] = read("environment.yml")["jobs"].values()

    assert called["environment"]["name"] == "${{ inputs.environment }}"
    assert read("deploy.yml")["jobs"]["preview"]["environment"] == "prod-preview"
    for workflow, job, environment in (
        ("deploy.yml", "dev", "dev"),
        ("deploy.yml", "prod", "prod"),
        ("rollback.yml", "deploy", "${{ inputs.environment }}"),
    ):
        caller = read(workflow)["jobs"][job]
        assert caller["uses"] == "./.github/workflows/environment.yml"
        assert caller["with"]["environment"] == environment


def test_only_those_jobs_may_sign_in() -> None:
    signing_in = {
        (name, job)
        for name in WORKFLOWS
        for job, definition in read(name)["jobs"].items()
        if definition["permissions"].get("id-token") == "write"
    }

    assert signing_in == {
        ("deploy.yml", "dev"),
        ("deploy.yml", "preview"),
        ("deploy.yml", "prod"),
        ("environment.yml", "deploy"),
        ("rollback.yml", "deploy"),
    }


def test_one_job_at_a_time_deploys_to_an_environment_and_is_never_cancelled_by_another() -> None:
    [called] = read("environment.yml")["jobs"].values()

    assert called["concurrency"] == {"group": "environment-${{ inputs.environment }}", "cancel-in-progress": False}


def test_only_prod_is_deployed_with_zero_downtime() -> None:
    [deploy] = [step for step in steps("environment.yml") if step.get("id") == "deploy"]

    assert deploy["env"]["ZERO_DOWNTIME"] == "${{ inputs.environment == 'prod' && 'yes' || '' }}"
    assert deploy["run"].endswith(" ${ZERO_DOWNTIME:+--zero-downtime}")


def test_a_deployment_is_previewed_before_and_tested_after() -> None:
    names = [step["name"] for step in steps("environment.yml") if "name" in step]

    assert names.index("What if") < names.index("Deploy") < names.index("Smoke test")


def test_every_job_compiles_the_infrastructure_with_the_compiler_of_the_snapshots() -> None:
    install = 'az bicep install --version "v$(<infra/bicep/compiler-version)"'

    assert re.fullmatch(r"\d+\.\d+\.\d+\n", (ROOT / "infra/bicep/compiler-version").read_text())
    for name, job in (("ci.yml", "check"), ("deploy.yml", "preview"), ("environment.yml", "deploy")):
        runs = [step.get("run", "") for step in read(name)["jobs"][job]["steps"]]
        [installs] = [index for index, run in enumerate(runs) if run.startswith(install)]
        uses = [index for index, run in enumerate(runs) if run.startswith(".ci/run") or "-m tools.delivery " in run]
        assert installs < min(uses)


def test_no_job_has_more_permissions_than_it_needs() -> None:
    for name in WORKFLOWS:
        assert read(name)["permissions"] == {}
        for definition in read(name)["jobs"].values():
            permissions = set(definition["permissions"].items())
            assert permissions <= {("contents", "read"), ("actions", "read"), ("id-token", "write")}


def test_no_secret_is_needed() -> None:
    for name in WORKFLOWS:
        assert "secrets." not in (FOLDER / name).read_text()


def test_both_environments_can_be_rolled_back_to_a_run_that_is_asked_for() -> None:
    inputs = read("rollback.yml")["on"]["workflow_dispatch"]["inputs"]

    assert inputs["environment"]["options"] == ["dev", "prod"]
    assert inputs["run"]["required"]
    assert read("rollback.yml")["jobs"]["deploy"]["with"]["package-run"] == "${{ needs.check.outputs.run }}"


def test_the_rollback_looks_for_the_artifact_that_ci_uploads() -> None:
    [upload] = [step["with"] for step in steps("ci.yml") if "upload-artifact" in step.get("uses", "")]

    assert upload["name"] == rollback.PACKAGE_ARTIFACT


def test_the_command_that_runs_before_anything_is_installed_needs_only_the_standard_library() -> None:
    """rollback.yml runs it with the machine's own Python."""
    command = [sys.executable, "-S", "-m", "tools.delivery.rollback", "--help"]  # -S: without the packages of .venv
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603

    assert finished.returncode == 0, finished.stderr


def test_every_command_of_azure_has_a_time_limit() -> None:
    for name in WORKFLOWS:
        for step in steps(name):
            if "azure/login" in step.get("uses", "") or re.search(r"\baz ", step.get("run", "")):
                assert step["timeout-minutes"] <= 5


def test_a_command_expires_before_the_job_that_runs_it() -> None:
    [called] = read("environment.yml")["jobs"].values()
    usual = 20 * 60  # all other commands, if one takes as long as it may

    for command in (deployment.INFRASTRUCTURE_SECONDS + deployment.WHAT_IF_SECONDS, deployment.UPLOAD_SECONDS):
        assert command + usual < called["timeout-minutes"] * 60
    assert read("deploy.yml")["jobs"]["preview"]["timeout-minutes"] * 60 > deployment.WHAT_IF_SECONDS
