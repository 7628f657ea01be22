"""Files that state the same facts agree with each other."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from jsonschema import Draft4Validator, Draft7Validator

from functions import customer, customer_view, health, kakao, openapi, registration, unmatched
from shared import resources
from shared.domain.forgetting import FORGET_AFTER, UNHANDLED_AFTER
from shared.settings import LONGEST_BATCH_SECONDS, Settings

ROOT = Path(__file__).parents[2]


LOCKS = {"kakao-alert": ("PT30S", 10), "view-updater": ("PT1M", 60)}
"""Lock and deliveries. The host renews the locks of single messages; a batch has to end before its own."""


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file", "schema"),
    [("host.json", "host.schema.json"), ("local.settings.sample.json", "local.settings.schema.json")],
)
def test_configuration_files_are_valid(file: str, schema: str) -> None:
    errors = list(Draft7Validator(read_json(f"tests/schemas/{schema}")).iter_errors(read_json(file)))

    assert errors == []


def functions_of_all_apps() -> list[Any]:
    app = func.FunctionApp()
    blueprints = [module.blueprint for module in (customer, registration, customer_view, health, kakao, openapi)]
    for blueprint in [*blueprints, unmatched.blueprint_for(blueprints)]:
        app.register_functions(blueprint)
    return list(app.get_functions())


# The schema's own choice among its definitions never succeeds: two of them (SQL, MySQL) accept any binding.
DEFINITIONS = {
    "httpTrigger": "httpBinding",
    "http": "httpBinding",
    "serviceBusTrigger": "serviceBusBinding",
    "timerTrigger": "timerTriggerBinding",
}


@pytest.mark.parametrize("function", functions_of_all_apps(), ids=lambda function: function.get_function_name())
def test_the_description_of_a_function_for_the_host_is_valid(function: Any) -> None:
    schema = read_json("tests/schemas/function.schema.json")
    description = json.loads(function.get_function_json())
    bindings = description.pop("bindings")

    errors = list(Draft4Validator(schema).iter_errors(description))
    for binding in bindings:
        # The library writes capitals, which the host accepts and the schema does not.
        written = {**binding, "direction": binding["direction"].lower()}
        if "methods" in binding:
            written["methods"] = [method.lower() for method in binding["methods"]]
        for name in {"authLevel", "cardinality", "dataType"} & binding.keys():
            written[name] = binding[name].lower()
        for name in ("bindingBase", DEFINITIONS.get(binding["type"], "dynamicBinding")):
            definition = {**schema["definitions"][name], "definitions": schema["definitions"]}
            errors += Draft4Validator(definition).iter_errors(written)

    assert bindings
    assert errors == []


def test_the_local_cosmos_db_has_the_containers_that_the_code_uses() -> None:
    [database] = read_json("entities/cosmos-db.json")["databases"]
    containers = {container["id"]: container for container in database["containers"]}

    assert database["id"] == resources.DATABASE
    assert set(containers) == {
        resources.CUSTOMERS,
        resources.KAKAOS,
        resources.CUSTOMER_VIEWS,
        resources.ACCESS_RECORDS,
        resources.LEASES,
    }
    for name, container in containers.items():
        # Without a ttl of its own a container ignores those of its documents.
        assert name == resources.LEASES or container["defaultTtl"] == -1


def test_the_local_service_bus_has_the_entities_that_the_code_uses() -> None:
    namespace = read_json("entities/service-bus.json")["UserConfig"]["Namespaces"][0]
    labels = {
        subscription["Name"]: next(
            (rule["Properties"]["CorrelationFilter"]["Label"] for rule in subscription.get("Rules", [])), None
        )
        for topic in namespace["Topics"]
        for subscription in topic["Subscriptions"]
    }

    assert [topic["Name"] for topic in namespace["Topics"]] == [resources.TOPIC]
    assert [queue["Name"] for queue in namespace["Queues"]] == list(resources.QUEUES)
    assert labels == resources.SUBSCRIPTION_LABELS


def test_the_local_topic_detects_duplicates_and_dead_letters() -> None:
    [topic] = read_json("entities/service-bus.json")["UserConfig"]["Namespaces"][0]["Topics"]

    assert topic["Properties"]["RequiresDuplicateDetection"] is True
    assert topic["Properties"]["DuplicateDetectionHistoryTimeWindow"] == "PT10M"
    for subscription in topic["Subscriptions"]:
        properties = subscription["Properties"]
        assert (properties["LockDuration"], properties["MaxDeliveryCount"]) == LOCKS[subscription["Name"]]
        assert properties["DeadLetteringOnMessageExpiration"] is True


def queues() -> dict[str, Any]:
    """The properties of each queue by its name."""
    [namespace] = read_json("entities/service-bus.json")["UserConfig"]["Namespaces"]
    return {queue["Name"]: queue["Properties"] for queue in namespace["Queues"]}


def test_what_was_put_aside_lies_there_once_and_becomes_a_dead_letter_in_the_end() -> None:
    queue = queues()[resources.EVENTS_SET_ASIDE]

    assert queue["RequiresDuplicateDetection"] is True
    # forget-views removes it there, and makes the view as it should be.
    assert queue["DeadLetteringOnMessageExpiration"] is True


def test_no_message_about_a_person_is_delivered_after_four_and_a_half_days() -> None:
    [topic] = read_json("entities/service-bus.json")["UserConfig"]["Namespaces"][0]["Topics"]
    entities = [topic, *topic["Subscriptions"]]

    lifetimes = {entity["Properties"]["DefaultMessageTimeToLive"] for entity in entities}
    lifetimes.add(queues()[resources.EVENTS_SET_ASIDE]["DefaultMessageTimeToLive"])
    assert lifetimes == {"P4DT12H"}
    assert timedelta(days=4, hours=12) == UNHANDLED_AFTER < FORGET_AFTER


def test_an_attempt_outlives_its_registration_and_is_deleted_then() -> None:
    queue = queues()[resources.REGISTRATIONS_POSTPONED]

    assert queue["RequiresDuplicateDetection"] is True
    assert (queue["LockDuration"], queue["DefaultMessageTimeToLive"]) == ("PT1M", "P2D")
    assert Settings.model_fields["registration_lifetime_seconds"].default < 2 * 24 * 60 * 60
    assert queue["DeadLetteringOnMessageExpiration"] is False


def test_a_batch_is_finished_before_its_locks_end() -> None:
    service_bus = read_json("host.json")["extensions"]["serviceBus"]

    # Nothing waits for a batch to fill up, and no lock is renewed: five seconds are left for settling.
    assert "minMessageBatchSize" not in service_bus
    assert LOCKS["view-updater"][0] == "PT1M"
    assert LONGEST_BATCH_SECONDS + 5 <= 60


def test_the_deliveries_of_both_functions_last_through_half_an_hour_of_outage() -> None:
    retries = {
        "kakao-alert": Settings.model_fields["delivery_retry_seconds"].default,
        "view-updater": Settings.model_fields["batch_retry_seconds"].default,
    }

    assert {name: LOCKS[name][1] * seconds for name, seconds in retries.items()} == dict.fromkeys(LOCKS, 30 * 60)


def test_messages_are_not_buffered_since_their_locks_would_expire() -> None:
    # The host renews only the locks of messages that it works on.
    assert read_json("host.json")["extensions"]["serviceBus"]["prefetchCount"] == 0
