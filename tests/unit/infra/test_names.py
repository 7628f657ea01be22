"""Names and tags on Azure, and the outputs of a deployment."""

import json
import re
import tomllib

import pytest

from tests.unit.infra.deployments import BICEP, ENVIRONMENTS, deployment
from tools.paths import ROOT
from tools.play.apps import APPS

# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
RULES = {
    "Microsoft.ApiManagement/service": r"[a-zA-Z][a-zA-Z0-9-]{0,48}[a-zA-Z0-9]",
    "Microsoft.DocumentDB/databaseAccounts": r"[a-z0-9][a-z0-9-]{1,42}[a-z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
    "Microsoft.ServiceBus/namespaces": r"[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
}

every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


@every_environment
def test_names_follow_the_rules_of_their_services(environment: str) -> None:
    here = deployment(environment)

    for resource_type, rule in RULES.items():
        found = here.all(resource_type)
        assert found
        for resource in found:
            assert re.fullmatch(rule, resource["name"])
            assert not re.search(r"-(?:secondary|prod|sb|mgmt)$|--", resource["name"])


@every_environment
def test_names_start_with_an_abbreviation_and_end_with_the_token(environment: str) -> None:
    here = deployment(environment)
    abbreviations = json.loads((BICEP / "abbreviations.json").read_text(encoding="utf-8")).values()

    for resource in here.resources:
        ours = resource["type"].count("/") == 1 and resource["type"] not in (
            "Microsoft.Authorization/roleAssignments",
            "Microsoft.Insights/workbooks",  # their names are GUIDs
            "Microsoft.Insights/diagnosticSettings",  # a part of another resource
            "Microsoft.Network/privateDnsZones",
        )
        if ours:
            assert resource["name"].startswith(tuple(abbreviations))
            assert resource["name"].endswith(here.token)


@every_environment
def test_azd_finds_the_resources_of_the_environment(environment: str) -> None:
    here = deployment(environment)

    tagged = [resource for resource in here.resources if "location" in resource]
    assert tagged
    assert {resource["tags"]["azd-env-name"] for resource in tagged} == {environment}
    assert {resource["location"] for resource in tagged} == {"koreacentral", "global"}


@every_environment
def test_outputs_are_in_upper_snake_case_and_include_what_a_deployment_needs(environment: str) -> None:
    outputs = deployment(environment).outputs

    assert all(re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", name) for name in outputs)
    expected = {f"{app.upper()}_{what}" for app in APPS for what in ("APP_NAME", "URL")}
    assert expected | {"AZURE_RESOURCE_GROUP", "GATEWAY_URL"} <= outputs.keys()


def test_the_template_of_azd_has_the_name_and_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [template] = re.findall(r"^metadata:\n  template: (\S+)$", (ROOT / "azure.yaml").read_text(), re.MULTILINE)

    assert template == f"{project['name']}@{project['version']}"


def test_azd_deploys_the_same_folder_to_each_app() -> None:
    services = (ROOT / "azure.yaml").read_text(encoding="utf-8").partition("\nservices:\n")[2]

    assert sorted(re.findall(r"^  (\w+):$", services, re.MULTILINE)) == sorted(APPS)
    assert services.count("project: .\n") == services.count("host: function\n") == len(APPS)


def test_every_environment_has_a_committed_snapshot() -> None:
    for template in ("foundation", "system"):
        parameters = {file.name.split(".")[1] for file in BICEP.glob(f"{template}.*.bicepparam")}

        assert parameters == set(ENVIRONMENTS)
        assert {file.name.split(".")[1] for file in BICEP.glob(f"{template}.*.snapshot.json")} == parameters
