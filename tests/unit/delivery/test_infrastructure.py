"""The delivery and infra/bicep speak of the same names."""

import json
import re
from pathlib import Path

import pytest

from tools.delivery import budget
from tools.delivery.environments import (
    BICEP_FOLDER,
    BUDGET_START_DATE,
    REQUIRED_VARIABLE,
    Environment,
    environment_names,
)
from tools.delivery.outputs import Outputs
from tools.paths import ROOT
from tools.play.apps import APPS

TEMPLATE = (ROOT / BICEP_FOLDER / "main.bicep").read_text(encoding="utf-8")
OUTPUTS = set(re.findall(r"^output (\w+) ", TEMPLATE, re.MULTILINE))
WORKFLOWS = ROOT / ".github/workflows"


def test_the_environments_of_the_workflows_have_parameters() -> None:
    assert {"dev", "prod"} <= set(environment_names())


def test_every_output_that_the_delivery_reads_is_given() -> None:
    of_apps = {f"{app.upper()}_{what}" for app in APPS for what in ("APP_NAME", "URL")}

    assert Outputs.names() == of_apps | {
        "AZURE_RESOURCE_GROUP",
        "AZURE_LOCATION",
        "GATEWAY_URL",
        "GATEWAY_NAME",
        "KEY_VAULT_NAME",
    }
    assert Outputs.names() <= OUTPUTS


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_variable_that_the_parameters_need_is_explained_and_given_by_the_workflows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AUTH_CLIENT_ID", "OPERATOR_EMAIL", BUDGET_START_DATE):
        monkeypatch.delenv(variable, raising=False)

    missing = Environment(name).missing_variables()

    assert set(missing) == {"AUTH_CLIENT_ID", "OPERATOR_EMAIL"}
    assert all(missing.values())
    for workflow in ("environment.yml", "deploy.yml"):
        given = re.findall(r"^ +(\w+): \$\{\{ vars\.\1 \}\}$", (WORKFLOWS / workflow).read_text(), re.MULTILINE)
        assert set(given) == set(missing)


def test_the_template_is_that_of_the_parameters() -> None:
    for name in environment_names():
        assert Path(Environment(name).parameters).read_text(encoding="utf-8").count("using './main.bicep'") == 1


def test_no_environment_has_a_start_of_its_budget_that_would_be_over_some_day() -> None:
    parameters = list((ROOT / BICEP_FOLDER).glob("*.bicepparam"))

    assert len(parameters) > len(environment_names())
    for file in parameters:
        assert BUDGET_START_DATE in {variable for _, variable in REQUIRED_VARIABLE.findall(file.read_text())}
    assert re.search(r"^param budgetStartDate string$", TEMPLATE, re.MULTILINE)


@pytest.mark.parametrize("name", ["dev", "prod", "private"])
def test_the_budget_is_looked_for_where_it_is_made(name: str) -> None:
    snapshot = json.loads((ROOT / BICEP_FOLDER / f"main.{name}.snapshot.json").read_text(encoding="utf-8"))
    [made] = [one for one in snapshot["predictedResources"] if one["type"] == "Microsoft.Consumption/budgets"]

    assert f"/resourceGroups/{Environment(name).resource_group}/" in made["id"]
    assert made["name"].startswith(budget.NAME_PREFIX)
    assert made["apiVersion"] == budget.API_VERSION


def test_what_is_deployed_by_hand_is_found_again() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

    [command] = re.findall(r"^az deployment sub create .*$", page, re.MULTILINE)

    assert f" --name {Environment('dev').deployment} " in command
    assert "export BUDGET_START_DATE=$(.venv/bin/python -m tools.delivery.budget dev)\n" in page
