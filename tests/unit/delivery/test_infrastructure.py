"""tools/delivery and infra/bicep use the same names."""

import json
import re

import pytest

from tests.unit.delivery.workflows import read
from tools.delivery import budget
from tools.delivery.deployment import DEPLOYMENT_ORDER
from tools.delivery.environments import (
    BICEP_FOLDER,
    BUDGET_START_DATE,
    REQUIRED_VARIABLE,
    Environment,
    Template,
    environment_names,
)
from tools.delivery.outputs import Outputs
from tools.paths import ROOT
from tools.play.apps import APPS

TEMPLATE = (ROOT / BICEP_FOLDER / "system.bicep").read_text(encoding="utf-8")
OUTPUTS = set(re.findall(r"^output (\w+) ", TEMPLATE, re.MULTILINE))


def test_the_environments_of_the_workflows_have_parameters() -> None:
    assert {"dev", "prod"} <= set(environment_names())


def test_every_output_that_the_delivery_reads_exists() -> None:
    of_apps = {f"{app.upper()}_{what}" for app in APPS for what in ("APP_NAME", "URL")}

    assert Outputs.names() == of_apps | {
        "AZURE_RESOURCE_GROUP",
        "AZURE_LOCATION",
        "GATEWAY_URL",
        "GATEWAY_NAME",
        "KEY_VAULT_NAME",
        "MY_PAGE_URL",
    }
    assert Outputs.names() <= OUTPUTS


def test_every_app_is_deployed_after_those_that_it_calls() -> None:
    assert sorted(DEPLOYMENT_ORDER) == sorted(APPS)
    # As test_apps.py has it: customer calls kakao, and my page customer and customerview.
    assert DEPLOYMENT_ORDER[-2:] == ("customer", "web")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_variable_of_the_parameters_is_described(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AUTH_CLIENT_ID", "OPERATOR_EMAIL", BUDGET_START_DATE, "PIPELINE_PRINCIPAL_ID"):
        monkeypatch.delenv(variable, raising=False)

    missing = Environment(name).missing_variables(Template.SYSTEM)

    assert set(missing) == {"AUTH_CLIENT_ID", "OPERATOR_EMAIL"}
    assert all(missing.values())
    assert set(Environment(name).missing_variables(Template.FOUNDATION)) == {"OPERATOR_EMAIL"}


@pytest.mark.parametrize(("workflow", "job"), [("environment.yml", "deploy"), ("deploy.yml", "preview")])
def test_a_workflow_passes_on_every_variable_that_the_parameters_read(workflow: str, job: str) -> None:
    read_by_parameters = {
        name for each in ("dev", "prod") for name in Environment(each).read_variables(Template.SYSTEM)
    }
    passed = read(workflow)["jobs"][job]["env"]

    # Nobody has chosen another region.
    assert passed.keys() == read_by_parameters - {"AZURE_LOCATION"}
    assert passed.pop("ACCESS") == "${{ vars.ACCESS || 'customers' }}"
    assert passed == {name: f"${{{{ vars.{name} }}}}" for name in passed}


@pytest.mark.parametrize("template", Template)
def test_every_environment_has_parameters_of_both_templates(template: Template) -> None:
    for name in environment_names():
        text = Environment(name).parameters(template).read_text(encoding="utf-8")
        assert text.count(f"using './{template}.bicep'") == 1


def test_no_environment_has_a_fixed_start_of_its_budget() -> None:
    folder = ROOT / BICEP_FOLDER
    parameters = [folder / "main.bicepparam", *folder.glob("foundation.*.bicepparam")]

    assert len(parameters) > len(environment_names())
    for file in parameters:
        assert BUDGET_START_DATE in {variable for _, variable in REQUIRED_VARIABLE.findall(file.read_text())}
    for template in ("main", "foundation"):
        text = (folder / f"{template}.bicep").read_text(encoding="utf-8")
        assert re.search(r"^param budgetStartDate string$", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["dev", "prod", "private"])
def test_the_budget_is_read_from_where_bicep_creates_it(name: str) -> None:
    snapshot = json.loads((ROOT / BICEP_FOLDER / f"foundation.{name}.snapshot.json").read_text(encoding="utf-8"))
    resources = snapshot["predictedResources"]
    [created] = [resource for resource in resources if resource["type"] == "Microsoft.Consumption/budgets"]

    assert f"/resourceGroups/{Environment(name).resource_group}/" in created["id"]
    assert created["name"].startswith(budget.NAME_PREFIX)
    assert created["apiVersion"] == budget.API_VERSION


def test_a_deployment_by_hand_has_the_names_that_the_delivery_reads() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    dev = Environment("dev")

    [foundation] = re.findall(r"^az deployment sub create (.*) \\\n +--parameters (.*)$", page, re.MULTILINE)
    [system] = re.findall(r"^az deployment group create (.*) \\\n +--parameters (.*)$", page, re.MULTILINE)

    names = f"--name {dev.foundation_deployment} --location {dev.location}"
    assert foundation == (names, f"infra/bicep/{dev.parameters(Template.FOUNDATION).name}")
    names = f"--resource-group {dev.resource_group} --name {dev.deployment}"
    assert system == (names, f"infra/bicep/{dev.parameters(Template.SYSTEM).name}")
    assert "export BUDGET_START_DATE=$(.venv/bin/python -m tools.delivery.budget dev)\n" in page
