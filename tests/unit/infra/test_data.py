"""Service Bus and Cosmos DB on Azure match the code and the local ones."""

import json
import re
import tomllib
from datetime import timedelta
from operator import itemgetter
from typing import Any

import pytest

from shared import resources
from shared.adapters import (
    cancellations,
    customer_views,
    customers,
    ended_claims,
    kakao_messages,
    own,
    registrations,
    swept_outbox,
)
from shared.use_cases.sweeping import LONGEST_SWEEP_SECONDS, MINUTES_BETWEEN_SWEEPS, SWEPT_AFTER
from tests.unit.infra.deployments import ENVIRONMENTS, Deployment, deployment
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT

TOPICS = "Microsoft.ServiceBus/namespaces/topics"
QUEUES = "Microsoft.ServiceBus/namespaces/queues"
SUBSCRIPTIONS = f"{TOPICS}/subscriptions"
RULES = f"{SUBSCRIPTIONS}/rules"
CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
QUERIES: dict[str, tuple[str, ...]] = {
    listed.NEWEST_FIRST.container: (listed.NEWEST_FIRST.first_page, listed.NEWEST_FIRST.next_page)
    for listed in (customers, kakao_messages, customer_views)
}
QUERIES[resources.CUSTOMERS] += (
    customers.BY_PHONE_NUMBER,
    swept_outbox.EVENTS_BETWEEN,
    cancellations.BETWEEN,
    ended_claims.BETWEEN,
    *registrations.QUERIES,
)
QUERIES[resources.KAKAOS] += (kakao_messages.SENT_BETWEEN,)
QUERIES[resources.CUSTOMER_VIEWS] += (own.VIEWS_OF_OWNER,)

every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def last_name(resource: dict[str, Any]) -> str:
    return str(resource["name"]).rpartition("/")[2]


def labels(here: Deployment) -> dict[str, str | None]:
    """The label that each subscription accepts; None accepts all."""
    found: dict[str, str | None] = {last_name(subscription): None for subscription in here.all(SUBSCRIPTIONS)}
    for rule in here.all(RULES):
        _, _, subscription, name = rule["name"].split("/")
        # With any other name, the rule would be added to the initial one, which accepts everything.
        assert name == "$Default"
        found[subscription] = rule["properties"]["correlationFilter"]["label"]
    return found


@every_environment
def test_the_topic_its_subscriptions_and_the_queues_are_those_of_the_code(environment: str) -> None:
    here = deployment(environment)

    assert [last_name(topic) for topic in here.all(TOPICS)] == [resources.TOPIC]
    assert labels(here) == resources.SUBSCRIPTION_LABELS
    assert [last_name(queue) for queue in here.all(QUEUES)] == list(resources.QUEUES)


@every_environment
def test_the_topic_its_subscriptions_and_the_queues_behave_like_the_local_ones(environment: str) -> None:
    here = deployment(environment)
    configuration = json.loads((ROOT / "entities" / "service-bus.json").read_text(encoding="utf-8"))
    [namespace] = configuration["UserConfig"]["Namespaces"]
    [local] = namespace["Topics"]

    def camel_case(properties: dict[str, Any]) -> dict[str, Any]:
        return {name[0].lower() + name[1:]: value for name, value in properties.items()}

    topic = here.one(TOPICS)
    assert camel_case(local["Properties"]).items() <= topic["properties"].items()
    for subscription in local["Subscriptions"]:
        on_azure = here.one(SUBSCRIPTIONS, f"/{subscription['Name']}")["properties"]
        assert camel_case(subscription["Properties"]).items() <= on_azure.items()
        assert on_azure["deadLetteringOnFilterEvaluationExceptions"] is True
    for queue in namespace["Queues"]:
        on_azure = here.one(QUEUES, f"/{queue['Name']}")["properties"]
        assert camel_case(queue["Properties"]).items() <= on_azure.items()


@every_environment
def test_the_topic_drops_duplicates_for_ten_minutes_and_keeps_what_expires(environment: str) -> None:
    here = deployment(environment)

    topic = here.one(TOPICS)["properties"]
    assert (topic["requiresDuplicateDetection"], topic["duplicateDetectionHistoryTimeWindow"]) == (True, "PT10M")
    for subscription in here.all(SUBSCRIPTIONS):
        assert subscription["properties"]["deadLetteringOnMessageExpiration"] is True


@every_environment
def test_the_topic_still_knows_an_event_when_it_is_swept(environment: str) -> None:
    # It is swept at the latest one interval after it is old enough. The interval divides an hour: none is shorter.
    window = deployment(environment).one(TOPICS)["properties"]["duplicateDetectionHistoryTimeWindow"]
    latest = SWEPT_AFTER + timedelta(minutes=MINUTES_BETWEEN_SWEEPS)

    assert window == "PT10M"
    assert latest + timedelta(minutes=1) <= timedelta(minutes=10)
    assert 60 % MINUTES_BETWEEN_SWEEPS == 0
    assert LONGEST_SWEEP_SECONDS < 60 * MINUTES_BETWEEN_SWEEPS


@every_environment
def test_the_containers_are_those_of_the_local_database(environment: str) -> None:
    here = deployment(environment)
    settings = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))
    [local] = json.loads((ROOT / settings["cosmos"]["containers"]).read_text(encoding="utf-8"))["databases"]

    found = [container["properties"]["resource"] for container in here.all(CONTAINERS)]

    assert last_name(here.one("Microsoft.DocumentDB/databaseAccounts/sqlDatabases")) == local["id"]
    assert sorted(found, key=itemgetter("id")) == sorted(local["containers"], key=itemgetter("id"))


@pytest.mark.parametrize("container", QUERIES)
def test_a_container_indexes_only_what_its_queries_read(container: str) -> None:
    policy = deployment("prod").one(CONTAINERS, f"/{container}")["properties"]["resource"]["indexingPolicy"]
    read = {f"/{field}/?" for query in QUERIES[container] for field in re.findall(r"\bc\.(\w+)", query)}

    assert {path["path"] for path in policy["includedPaths"]} == read
    assert policy["excludedPaths"] == [{"path": "/*"}]
    assert policy["indexingMode"] == "consistent"


@every_environment
def test_reads_see_every_acknowledged_write(environment: str) -> None:
    account = deployment(environment).one("Microsoft.DocumentDB/databaseAccounts")["properties"]

    assert account["consistencyPolicy"] == {"defaultConsistencyLevel": "Strong"}
    assert len(account["locations"]) == 1


def test_dev_is_serverless_and_prod_limits_the_throughput_of_each_container() -> None:
    dev, prod = deployment("dev"), deployment("prod")

    serverless = [{"name": "EnableServerless"}]
    assert dev.one("Microsoft.DocumentDB/databaseAccounts")["properties"]["capabilities"] == serverless
    assert all(container["properties"]["options"] == {} for container in dev.all(CONTAINERS))
    assert prod.one("Microsoft.DocumentDB/databaseAccounts")["properties"]["capabilities"] == []
    for container in prod.all(CONTAINERS):
        # Autoscale accepts multiples of 1000.
        assert container["properties"]["options"]["autoscaleSettings"]["maxThroughput"] % 1000 == 0


def test_the_database_can_be_restored_to_any_second() -> None:
    tiers = {
        environment: deployment(environment).one("Microsoft.DocumentDB/databaseAccounts")["properties"]["backupPolicy"]
        for environment in ("dev", "prod")
    }

    assert {policy["type"] for policy in tiers.values()} == {"Continuous"}
    assert tiers["prod"]["continuousModeProperties"] == {"tier": "Continuous30Days"}
