"""Permissions on Azure: only for identities, no more than needed, at the narrowest scope."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from shared.settings import WITH_DATA
from tests.unit.infra.compiler import templates
from tests.unit.infra.deployments import BICEP, ENVIRONMENTS, deployment, identity_in
from tools.delivery import web_secrets
from tools.play.apps import APPS

ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "Service Bus Data Receiver",
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "Service Bus Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "00000000-0000-0000-0000-000000000001": "Cosmos DB Built-in Data Reader",
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
}
GRANTED = {
    # their own package, locks and checkpoints
    ("customer", "Storage Blob Data Owner", "storageAccounts/stcustomer"),
    ("kakao", "Storage Blob Data Owner", "storageAccounts/stkakao"),
    ("customerview", "Storage Blob Data Owner", "storageAccounts/stcustview"),
    ("web", "Storage Blob Data Owner", "storageAccounts/stweb"),
    # the write model, and the leases of the change feed
    ("customer", "Cosmos DB Built-in Data Contributor", "databaseAccounts/cosmos-/dbs/ssak8/colls/customers"),
    ("customer", "Cosmos DB Built-in Data Contributor", "databaseAccounts/cosmos-/dbs/ssak8/colls/leases"),
    ("kakao", "Cosmos DB Built-in Data Contributor", "databaseAccounts/cosmos-/dbs/ssak8/colls/kakaos"),
    ("customerview", "Cosmos DB Built-in Data Contributor", "databaseAccounts/cosmos-/dbs/ssak8/colls/customerViews"),
    # whose registration is cancelled, and the messages of a customer who asks for them
    ("kakao", "Cosmos DB Built-in Data Reader", "databaseAccounts/cosmos-/dbs/ssak8/colls/customers"),
    ("customerview", "Cosmos DB Built-in Data Reader", "databaseAccounts/cosmos-/dbs/ssak8/colls/customers"),
    ("customerview", "Cosmos DB Built-in Data Reader", "databaseAccounts/cosmos-/dbs/ssak8/colls/kakaos"),
    # what operators looked at: nobody can change that
    ("customer", "ssak8 Data Creator", "databaseAccounts/cosmos-/dbs/ssak8/colls/accessRecords"),
    ("kakao", "ssak8 Data Creator", "databaseAccounts/cosmos-/dbs/ssak8/colls/accessRecords"),
    ("customerview", "ssak8 Data Creator", "databaseAccounts/cosmos-/dbs/ssak8/colls/accessRecords"),
    # events
    ("customer", "Service Bus Data Sender", "namespaces/sb-/topics/customer-events"),
    ("kakao", "Service Bus Data Receiver", "namespaces/sb-/topics/customer-events/subscriptions/kakao-alert"),
    ("customerview", "Service Bus Data Receiver", "namespaces/sb-/topics/customer-events/subscriptions/view-updater"),
    ("customerview", "Service Bus Data Sender", "namespaces/sb-/queues/events-set-aside"),
    ("customerview", "Service Bus Data Receiver", "namespaces/sb-/queues/events-set-aside"),
    # attempts to register: sent and received by the same app
    ("customer", "Service Bus Data Sender", "namespaces/sb-/queues/registrations-postponed"),
    ("customer", "Service Bus Data Receiver", "namespaces/sb-/queues/registrations-postponed"),
    # by which they find whose a registration is
    ("customer", "Key Vault Secrets User", "vaults/kv-/secrets/owner-key"),
    ("customerview", "Key Vault Secrets User", "vaults/kv-/secrets/owner-key"),
    # by which my page makes sessions, seals cookies, and signs customers in
    ("web", "Key Vault Secrets User", "vaults/kv-/secrets/session-private-key"),
    ("web", "Key Vault Secrets User", "vaults/kv-/secrets/cookie-key"),
    ("web", "Key Vault Secrets User", "vaults/kv-/secrets/kakao-login-client-secret"),
    # telemetry
    ("customer", "Monitoring Metrics Publisher", "components/appi-"),
    ("kakao", "Monitoring Metrics Publisher", "components/appi-"),
    ("customerview", "Monitoring Metrics Publisher", "components/appi-"),
    ("web", "Monitoring Metrics Publisher", "components/appi-"),
    ("gateway", "Monitoring Metrics Publisher", "components/appi-"),
}
"""Identity, role, scope. There are no other role assignments."""

ROLE_DEFINITIONS = "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions"

every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


@every_environment
def test_every_identity_has_the_roles_it_needs_and_no_others(environment: str) -> None:
    here = deployment(environment)

    found = []
    for assignment in here.all("Microsoft.Authorization/roleAssignments"):
        scope = assignment["id"].partition("/providers/Microsoft.Authorization/roleAssignments/")[0]
        found.append((assignment["properties"], scope))
    for assignment in here.all("Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"):
        found.append((assignment["properties"], assignment["properties"]["scope"]))

    def short(scope: str) -> str:
        return re.sub(r"^.*/providers/Microsoft\.\w+/", "", scope).replace(here.token, "").replace("premium-", "")

    own = {role["name"].rpartition("/")[2]: role["properties"]["roleName"] for role in here.all(ROLE_DEFINITIONS)}
    roles = ROLES | own
    granted = [
        (identity_in(properties["principalId"]), roles[properties["roleDefinitionId"].rpartition("/")[2]], short(scope))
        for properties, scope in found
    ]
    assert len(granted) == len(set(granted))
    assert set(granted) == GRANTED


@every_environment
def test_the_only_role_of_our_own_adds_documents_and_can_do_nothing_to_them(environment: str) -> None:
    role = deployment(environment).one(ROLE_DEFINITIONS)["properties"]
    items = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items"

    assert role["type"] == "CustomRole"
    # The first shows how the account is divided, which the SDK asks for, and no document.
    assert role["permissions"] == [
        {"dataActions": ["Microsoft.DocumentDB/databaseAccounts/readMetadata", f"{items}/create"]}
    ]


@every_environment
def test_keys_and_passwords_are_disabled(environment: str) -> None:
    here = deployment(environment)

    def properties(resource_type: str) -> list[dict[str, object]]:
        found = [resource["properties"] for resource in here.all(resource_type)]
        assert found
        return found

    assert all(each["disableLocalAuth"] is True for each in properties("Microsoft.ServiceBus/namespaces"))
    for account in properties("Microsoft.DocumentDB/databaseAccounts"):
        assert account["disableLocalAuth"] is True
        assert account["disableKeyBasedMetadataWriteAccess"] is True
    for storage in properties("Microsoft.Storage/storageAccounts"):
        assert storage["allowSharedKeyAccess"] is False
        assert storage["allowBlobPublicAccess"] is False
    assert all(each["DisableLocalAuth"] is True for each in properties("Microsoft.Insights/components"))
    for workspace in here.all("Microsoft.OperationalInsights/workspaces"):
        assert workspace["properties"]["features"]["disableLocalAuth"] is True
    assert all(each["enableRbacAuthorization"] is True for each in properties("Microsoft.KeyVault/vaults"))
    publishing = properties("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert len(publishing) == 2 * len(APPS)
    assert all(policy == {"allow": False} for policy in publishing)


@every_environment
def test_nothing_accepts_less_than_tls_1_2(environment: str) -> None:
    here = deployment(environment)

    assert here.one("Microsoft.ServiceBus/namespaces")["properties"]["minimumTlsVersion"] == "1.2"
    assert here.one("Microsoft.DocumentDB/databaseAccounts")["properties"]["minimalTlsVersion"] == "Tls12"
    for storage in here.all("Microsoft.Storage/storageAccounts"):
        assert storage["properties"]["minimumTlsVersion"] == "TLS1_2"
        assert storage["properties"]["supportsHttpsTrafficOnly"] is True
    for app in here.all("Microsoft.Web/sites"):
        assert app["properties"]["httpsOnly"] is True
        assert app["properties"]["siteConfig"]["minTlsVersion"] == "1.2"
        assert app["properties"]["siteConfig"]["scmMinTlsVersion"] == "1.2"


@every_environment
def test_no_secret_is_read_or_written(environment: str) -> None:
    here = deployment(environment)
    everything = json.dumps([here.resources, here.outputs])

    assert not re.findall(r"list(?:Keys|Secrets|ConnectionStrings|AccountSas)\(", everything, re.IGNORECASE)
    assert not re.findall(r"AccountKey=|SharedAccessKey=|SharedAccessSignature|password\"", everything, re.IGNORECASE)


def secrets_of_the_templates() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Name → template and secret."""
    return {
        re.findall(r"'([a-z-]+)'\)\]$", resource["name"])[0]: (template, resource)
        for template in templates("main.bicep")
        for resource in template["resources"].values()
        if resource["type"] == "Microsoft.KeyVault/vaults/secrets" and not resource.get("existing")
    }


def test_every_secret_of_the_templates_is_made_once() -> None:
    # Another owner key would make everybody's claim somebody else's: nobody's would be found.
    secrets = secrets_of_the_templates()

    assert secrets.keys() == {"owner-key", "cookie-key", *web_secrets.SOURCES}
    assert all("onlyIfNotExists" in secret["@options"] for _, secret in secrets.values())


@pytest.mark.parametrize("name", web_secrets.SOURCES)
def test_a_secret_that_only_people_have_cannot_be_read_until_they_set_it(name: str) -> None:
    _, secret = secrets_of_the_templates()[name]

    assert secret["properties"]["attributes"] == {"enabled": False}
    assert secret["properties"]["value"] == "Not set yet."
    assert secret["apiVersion"] == web_secrets.API_VERSION


@pytest.mark.parametrize("name", ["owner-key", "cookie-key"])
def test_a_key_of_the_templates_is_random(name: str) -> None:
    template, secret = secrets_of_the_templates()[name]

    parts = re.findall(r"parameters\('(\w+)'\)", secret["properties"]["value"])
    assert len(parts) == 2
    for part in parts:
        # Not in the history of the deployments, and given by nobody.
        assert template["parameters"][part]["type"] == "securestring"
        assert template["parameters"][part]["defaultValue"] == "[newGuid()]"
    values = [
        resource["properties"].get("parameters", {})
        for template in templates("main.bicep")
        for resource in template["resources"].values()
        if resource["type"] == "Microsoft.Resources/deployments"
    ]
    assert not [name for given in values for name in given if name in parts]


@every_environment
def test_nobody_may_read_all_secrets(environment: str) -> None:
    vault = deployment(environment).one("Microsoft.KeyVault/vaults")["id"]
    roles = [role["id"] for role in deployment(environment).all("Microsoft.Authorization/roleAssignments")]

    assert not [role for role in roles if role.startswith(f"{vault}/providers/")]


def test_a_private_network_is_the_only_way_to_the_data() -> None:
    private = deployment("private")
    targets = [
        *private.all("Microsoft.Storage/storageAccounts"),
        *private.all("Microsoft.DocumentDB/databaseAccounts"),
        *private.all("Microsoft.ServiceBus/namespaces"),
        *private.all("Microsoft.KeyVault/vaults"),
    ]
    connected = {
        connection["properties"]["privateLinkServiceId"]
        for endpoint in private.all("Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    }

    assert connected == {target["id"] for target in targets}
    assert all(target["properties"]["publicNetworkAccess"] == "Disabled" for target in targets)
    assert private.one("Microsoft.ServiceBus/namespaces")["sku"]["name"] == "Premium"
    for app in private.all("Microsoft.Web/sites"):
        assert app["properties"]["virtualNetworkSubnetId"].endswith("/subnets/apps")


def test_an_environment_that_becomes_private_gets_a_second_service_bus() -> None:
    # Azure refuses to change Standard to Premium.
    dev, private = deployment("dev"), deployment("private")

    names = [
        here.one("Microsoft.ServiceBus/namespaces")["name"].replace(here.token, "TOKEN") for here in (dev, private)
    ]
    assert names == ["sb-TOKEN", "sb-premium-TOKEN"]
    for app in WITH_DATA:
        assert "/sb-premium-" in private.settings(app)["SERVICE_BUS_CONNECTION__fullyQualifiedNamespace"]


def test_without_a_private_network_there_is_no_network_at_all() -> None:
    dev = deployment("dev")

    assert not [resource["type"] for resource in dev.resources if resource["type"].startswith("Microsoft.Network/")]
    assert dev.one("Microsoft.ServiceBus/namespaces")["sku"]["name"] == "Standard"


def test_every_disabled_warning_has_a_reason() -> None:
    for file in BICEP.rglob("*.bicep"):
        lines = file.read_text(encoding="utf-8").splitlines()
        for before, line in pairwise(lines):
            assert "#disable" not in line or before.strip().startswith("//"), f"{file.name}: {line.strip()}"


# Resource → the categories of its log, where everything is logged.
DATA = {
    "Microsoft.DocumentDB/databaseAccounts": {"ControlPlaneRequests", "DataPlaneRequests"},
    "Microsoft.KeyVault/vaults": {"AuditEvent"},
    "Microsoft.ServiceBus/namespaces": {"OperationalLogs"},
    "Microsoft.Storage/storageAccounts/blobServices": {"StorageRead", "StorageWrite", "StorageDelete"},
}
EACH_REQUEST = {"DataPlaneRequests", "StorageRead", "StorageWrite", "StorageDelete"}
"""They cost money while an environment is idle, too: polling and the locks of the hosts are requests."""
PREMIUM = {"DiagnosticErrorLogs", "RuntimeAuditLogs"}
"""Standard Service Bus does not have them."""


@every_environment
def test_access_to_data_and_secrets_is_logged(environment: str) -> None:
    here = deployment(environment)
    workspace = here.one("Microsoft.OperationalInsights/workspaces")["id"]
    logged = {
        setting["id"].partition("/providers/Microsoft.Insights/diagnosticSettings/")[0]: setting["properties"]
        for setting in here.all("Microsoft.Insights/diagnosticSettings")
    }

    for resource_type, categories in DATA.items():
        expected = categories - EACH_REQUEST if environment == "dev" else categories
        if environment == "private" and resource_type.startswith("Microsoft.ServiceBus"):
            expected = expected | PREMIUM
        resources = here.all(resource_type)
        assert resources
        for resource in resources:
            found = logged.pop(resource["id"], {"logs": []})
            assert {log["category"] for log in found["logs"] if log["enabled"]} == expected
            assert found.get("workspaceId", workspace) == workspace
    assert logged == {}
