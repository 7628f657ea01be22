"""What is written in several places says the same everywhere."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from packaging.requirements import Requirement

from shared import resources

ROOT = Path(__file__).parents[2]


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file", "schema"),
    [("host.json", "host.schema.json"), ("local.settings.sample.json", "local.settings.schema.json")],
)
def test_configuration_files_are_valid(file: str, schema: str) -> None:
    errors = list(Draft7Validator(read_json(f"tests/schemas/{schema}")).iter_errors(read_json(file)))

    assert errors == []


def test_the_local_cosmos_db_has_the_containers_that_the_code_uses() -> None:
    configuration = tomllib.loads((ROOT / "local-azure.toml").read_text(encoding="utf-8"))
    containers = configuration["cosmos"]["containers"]

    assert {container["database"] for container in containers} == {resources.DATABASE}
    assert {container["name"]: container["partition_key"] for container in containers} == resources.PARTITION_KEYS
    for container in containers:
        # Without a ttl of its own a container ignores those of its documents.
        assert container["name"] == resources.LEASES or container["default_ttl"] == -1


def test_the_local_service_bus_has_the_entities_that_the_code_uses() -> None:
    namespace = read_json("infra/local/service-bus.json")["UserConfig"]["Namespaces"][0]
    labels = {
        subscription["Name"]: next(
            (rule["Properties"]["CorrelationFilter"]["Label"] for rule in subscription.get("Rules", [])), None
        )
        for topic in namespace["Topics"]
        for subscription in topic["Subscriptions"]
    }

    assert [topic["Name"] for topic in namespace["Topics"]] == [resources.TOPIC]
    assert labels == resources.SUBSCRIPTION_LABELS


def test_the_local_topic_behaves_as_the_design_says() -> None:
    [topic] = read_json("infra/local/service-bus.json")["UserConfig"]["Namespaces"][0]["Topics"]

    assert topic["Properties"]["RequiresDuplicateDetection"] is True
    assert topic["Properties"]["DuplicateDetectionHistoryTimeWindow"] == "PT10M"
    for subscription in topic["Subscriptions"]:
        properties = subscription["Properties"]
        assert (properties["LockDuration"], properties["MaxDeliveryCount"]) == ("PT30S", 10)
        assert properties["DeadLetteringOnMessageExpiration"] is True


def test_a_message_is_never_buffered_longer_than_its_lock_lasts() -> None:
    # The host renews only the locks of messages that it works on.
    assert read_json("host.json")["extensions"]["serviceBus"]["prefetchCount"] == 0


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_to_what_the_constraints_say(file: str) -> None:
    pins = map(Requirement, (ROOT / "constraints.txt").read_text().splitlines())
    constraints = {pin.name: str(pin.specifier) for pin in pins}
    lines = [line for line in (ROOT / file).read_text().splitlines() if line and line[0] not in "#-"]

    assert lines
    for requirement in map(Requirement, lines):
        assert constraints[requirement.name] == str(requirement.specifier)
