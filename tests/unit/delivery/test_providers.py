"""Which resource providers an environment needs: read from what would be deployed."""

import json
from pathlib import Path

import pytest

from tools.delivery.environments import BICEP_FOLDER, Environment
from tools.delivery.providers import needed

EVERYWHERE = {
    "Microsoft.ApiManagement",
    "Microsoft.DocumentDB",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.ServiceBus",
    "Microsoft.Storage",
    "Microsoft.Web",
}


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_without_a_network_its_providers_are_not_needed(name: str) -> None:
    assert set(needed(Environment(name))) >= EVERYWHERE
    assert not {"Microsoft.App", "Microsoft.Network"} & set(needed(Environment(name)))


def test_the_service_that_a_subnet_is_delegated_to_is_needed() -> None:
    # No resource of the templates has this provider.
    assert set(needed(Environment("private"))) >= EVERYWHERE | {"Microsoft.App", "Microsoft.Network"}


def test_an_environment_without_a_snapshot_needs_what_any_environment_needs(tmp_path: Path) -> None:
    folder = tmp_path / BICEP_FOLDER
    folder.mkdir(parents=True)
    for name, resource_type in (("one", "Microsoft.Web/sites/config"), ("other", "Microsoft.Storage/storageAccounts")):
        snapshot = {"predictedResources": [{"type": resource_type, "properties": {"x": [{"delegations": []}]}}]}
        (folder / f"main.{name}.snapshot.json").write_text(json.dumps(snapshot))

    assert needed(Environment("one", tmp_path)) == ["Microsoft.Web"]
    assert needed(Environment("third", tmp_path)) == ["Microsoft.Storage", "Microsoft.Web"]
