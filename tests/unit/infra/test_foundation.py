"""What a person deploys with rights on the subscription, and what a pipeline then deploys to its resource group."""

import re
from pathlib import Path

import pytest

from tests.unit.infra.compiler import SUBSCRIPTION, deploy, snapshot, templates
from tests.unit.infra.deployments import BICEP, ENVIRONMENTS, Deployment, deployment, foundation

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
PIPELINE = "00000000-0000-0000-0000-00000000000b"
"""The identity in infra/bicep/check."""
DEVELOPER = "00000000-0000-0000-0000-00000000000c"

# One of the two clauses of https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples
CLAUSE = re.compile(
    r"\(\(!\(ActionMatches\{'Microsoft\.Authorization/roleAssignments/(\w+)'\}\)\) OR "
    r"\((@\w+)\[Microsoft\.Authorization/roleAssignments:RoleDefinitionId\] ForAnyOfAnyValues:GuidEquals \{([^}]*)\} "
    r"AND \2\[Microsoft\.Authorization/roleAssignments:PrincipalType\] "
    r"ForAnyOfAnyValues:StringEqualsIgnoreCase \{'ServicePrincipal'\}\)\)"
)

every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def group(environment: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-{environment}"


def roles(here: Deployment, principal: str) -> dict[str, str]:
    """The roles that are given to a principal: id → scope."""
    return {
        assignment["properties"]["roleDefinitionId"].rpartition("/")[2]: assignment["id"].partition(
            f"/providers/{ASSIGNMENTS}/"
        )[0]
        for assignment in here.all(ASSIGNMENTS)
        if assignment["properties"]["principalId"] == principal
    }


@every_environment
def test_a_pipeline_needs_nothing_outside_its_resource_group(environment: str) -> None:
    resources = deployment(environment).resources

    # Some ids are expressions.
    ours = (f"{group(environment)}/providers/", f"[resourceId('{SUBSCRIPTION}', 'rg-{environment}', ")
    assert [each["id"] for each in resources if not each["id"].startswith(ours)] == []
    # A pipeline cannot write locks, and must not raise its own budget.
    assert not {each["type"] for each in resources} & {
        "Microsoft.Authorization/locks",
        "Microsoft.Consumption/budgets",
        "Microsoft.Resources/resourceGroups",
    }


@every_environment
def test_the_foundation_is_the_group_its_budget_its_lock_and_the_access_of_the_pipeline(environment: str) -> None:
    here = foundation(environment)

    types = [resource["type"] for resource in here.resources]
    locks = [] if environment == "dev" else ["Microsoft.Authorization/locks"]
    assert sorted(types) == sorted(
        ["Microsoft.Resources/resourceGroups", "Microsoft.Consumption/budgets", ASSIGNMENTS, ASSIGNMENTS, *locks]
    )
    assert here.one("Microsoft.Resources/resourceGroups")["id"] == group(environment)
    assert all(resource["id"].startswith(group(environment)) for resource in here.resources)


@every_environment
def test_a_pipeline_has_roles_on_its_own_resource_group_only(environment: str) -> None:
    assert roles(foundation(environment), PIPELINE) == {
        CONTRIBUTOR: group(environment),
        ACCESS_ADMINISTRATOR: group(environment),
    }


@every_environment
def test_a_pipeline_may_give_the_roles_of_the_apps_to_identities_and_no_others(environment: str) -> None:
    given = {
        assignment["properties"]["roleDefinitionId"].rpartition("/")[2]
        for assignment in deployment(environment).all(ASSIGNMENTS)
    }
    [condition] = [
        assignment["properties"]["condition"]
        for assignment in foundation(environment).all(ASSIGNMENTS)
        if assignment["properties"]["roleDefinitionId"].endswith(ACCESS_ADMINISTRATOR)
    ]

    assert CLAUSE.sub("clause", condition) == "clause AND clause"
    clauses = CLAUSE.findall(condition)
    assert [(action, source) for action, source, _ in clauses] == [("write", "@Request"), ("delete", "@Resource")]
    assert all(set(ids.split(", ")) == given for _, _, ids in clauses)
    assert not given & {CONTRIBUTOR, ACCESS_ADMINISTRATOR}
    # Without the type of the principal in the request, the condition would refuse it.
    for assignment in deployment(environment).all(ASSIGNMENTS):
        assert assignment["properties"]["principalType"] == "ServicePrincipal"


def test_without_a_pipeline_nobody_gets_a_role(tmp_path: Path) -> None:
    here = deploy(tmp_path, "foundation.dev.bicepparam", PIPELINE_PRINCIPAL_ID="")

    assert here.all(ASSIGNMENTS) == []


@every_environment
def test_only_what_has_real_customers_is_locked(environment: str) -> None:
    locks = foundation(environment).all("Microsoft.Authorization/locks")

    assert [lock["properties"]["level"] for lock in locks] == ([] if environment == "dev" else ["CanNotDelete"])
    for lock in locks:
        page, _, anchor = re.findall(r"\b(docs/\S+\.md)(#)(\S+)", lock["properties"]["notes"])[0]
        assert f"\n### {anchor.capitalize()}\n" in (BICEP.parents[1] / page).read_text(encoding="utf-8")


def without_pipeline(environment: str) -> list[str]:
    """The ids of all that a person and a pipeline deploy, without the roles of the pipeline."""
    return sorted(
        resource["id"]
        for here in (foundation(environment), deployment(environment))
        for resource in here.resources
        if resource.get("properties", {}).get("principalId") != PIPELINE
    )


def test_azd_deploys_the_foundation_and_the_system(tmp_path: Path) -> None:
    here = deploy(tmp_path, "main.bicepparam", AZURE_ENV_NAME="dev")

    assert sorted(resource["id"] for resource in here.resources) == without_pipeline("dev")
    names = {name: here.outputs.pop(f"SERVICE_{name}_NAME") for name in ("CUSTOMER", "KAKAO", "CUSTOMERVIEW", "WEB")}
    assert names == {name: here.outputs[f"{name}_APP_NAME"] for name in names}
    assert here.outputs.keys() == deployment("dev").outputs.keys()


def test_environments_in_one_subscription_do_not_share_the_name_of_a_deployment() -> None:
    # Azure refuses a second one in another region, and one that runs at the same time.
    main = templates("main.bicep")[0]["resources"].values()
    in_subscription = [
        each for each in main if each.get("type") == "Microsoft.Resources/deployments" and "resourceGroup" not in each
    ]

    assert in_subscription
    assert all("parameters('environmentName')" in each["name"] for each in in_subscription)


def test_azd_deploys_the_network_if_its_environment_says_so(tmp_path: Path) -> None:
    here = deploy(tmp_path, "main.bicepparam", VNET_ENABLED="true")

    assert here.all("Microsoft.Network/virtualNetworks")
    assert here.one("Microsoft.ServiceBus/namespaces")["sku"]["name"] == "Premium"


@pytest.mark.parametrize(("environment", "principal_type"), [("dev", "User"), ("yeon", "ServicePrincipal")])
def test_whoever_runs_azd_gets_access_to_the_data(tmp_path: Path, environment: str, principal_type: str) -> None:
    variables = {"AZURE_ENV_NAME": environment, "AZURE_PRINCIPAL_ID": DEVELOPER, "AZURE_PRINCIPAL_TYPE": principal_type}
    here = deploy(tmp_path, "main.bicepparam", **variables)

    mine = [a for a in here.all(ASSIGNMENTS) if a["properties"]["principalId"] == DEVELOPER]
    assert {a["properties"]["principalType"] for a in mine} == {principal_type}
    scopes = sorted(
        re.sub(r"^.*/providers/Microsoft\.(\w+)/.*$", r"\1", scope) for scope in roles(here, DEVELOPER).values()
    )
    assert scopes == ["Insights", "KeyVault", "ServiceBus", "Storage"]
    assert len(mine) == len(scopes) + 3  # four storage accounts
    documents = here.all("Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments")
    assert [a["properties"]["principalId"] for a in documents].count(DEVELOPER) == 1


def test_nobody_gets_access_to_the_data_of_prod(tmp_path: Path) -> None:
    here = deploy(tmp_path, "main.bicepparam", AZURE_ENV_NAME="prod", AZURE_PRINCIPAL_ID=DEVELOPER)

    assert roles(here, DEVELOPER) == {}
    assert DEVELOPER not in str(here.resources)


@pytest.mark.parametrize("name", ["main.bicepparam", "foundation.dev.bicepparam", "system.dev.bicepparam"])
def test_a_region_without_the_plan_is_refused(tmp_path: Path, name: str) -> None:
    refused = snapshot(tmp_path, name, "", "rg-dev", AZURE_LOCATION="atlantis")

    assert refused.returncode != 0
    assert "'koreacentral'" in refused.stderr
    assert "atlantis" in refused.stderr
