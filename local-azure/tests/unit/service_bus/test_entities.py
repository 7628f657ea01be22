"""The entities file, in the format of Microsoft's emulator."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_azure.service_bus.entities import FOREVER, EntitiesError, Namespace
from tests.unit.service_bus.fakes import queue


def read(**namespace: Any) -> Namespace:
    content = {"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", **namespace}], "Logging": {"Type": "File"}}}
    return Namespace.read(json.dumps(content))


def test_a_file_with_all_properties_is_read() -> None:
    namespace = read(
        Queues=[
            queue(
                "queue.1",
                DeadLetteringOnMessageExpiration=False,
                DefaultMessageTimeToLive="PT1H",
                DuplicateDetectionHistoryTimeWindow="PT20S",
                ForwardDeadLetteredMessagesTo="",
                ForwardTo="",
                LockDuration="PT1M",
                MaxDeliveryCount=3,
                RequiresDuplicateDetection=False,
                RequiresSession=False,
            )
        ],
        Topics=[
            {
                "Name": "topic.1",
                "Properties": {"DefaultMessageTimeToLive": "PT1H", "RequiresDuplicateDetection": True},
                "Subscriptions": [
                    {
                        "Name": "subscription.1",
                        "Properties": {"DeadLetteringOnMessageExpiration": True},
                        "Rules": [
                            {
                                "Name": "app-prop-filter-1",
                                "Properties": {
                                    "FilterType": "Correlation",
                                    "CorrelationFilter": {"ContentType": "application/text", "Properties": {"p": "1"}},
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    )

    properties = namespace.queues[0].properties
    assert (properties.default_message_time_to_live, properties.max_delivery_count) == (timedelta(hours=1), 3)
    rule = namespace.topics[0].subscriptions[0].rules[0].properties.correlation_filter
    assert rule is not None
    assert (rule.content_type, rule.properties) == ("application/text", {"p": "1"})


def test_defaults_are_those_of_azure() -> None:
    properties = read(Queues=[{"Name": "q"}]).queues[0].properties

    assert properties.lock_duration == timedelta(minutes=1)
    assert properties.max_delivery_count == 10
    assert properties.default_message_time_to_live == FOREVER


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"ForwardTo": "other"}, "ForwardTo"),
        ({"ForwardDeadLetteredMessagesTo": "other"}, "ForwardDeadLetteredMessagesTo"),
        ({"RequiresSession": True}, "RequiresSession"),
        ({"MaxSizeInMegabytes": 5}, "MaxSizeInMegabytes"),
        ({"LockDuration": "PT6M"}, "LockDuration"),
        ({"LockDuration": "soon"}, "LockDuration"),
        ({"MaxDeliveryCount": 0}, "MaxDeliveryCount"),
        ({"DuplicateDetectionHistoryTimeWindow": "PT1S"}, "DuplicateDetectionHistoryTimeWindow"),
    ],
)
def test_an_unsupported_property_is_refused_and_named(properties: dict[str, Any], named: str) -> None:
    with pytest.raises(EntitiesError, match=named):
        read(Queues=[queue("q", **properties)])


def test_names_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(EntitiesError, match="Orders"):
        read(Queues=[{"Name": "orders"}], Topics=[{"Name": "Orders"}])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"UserConfig": {}}', '{"UserConfig": {"Namespaces": []}}', '{"UserConfig": 1}']
)
def test_a_file_with_another_structure_is_refused(content: str) -> None:
    with pytest.raises(EntitiesError, match=r"some\.json"):
        Namespace.read(content, "some.json")


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(EntitiesError, match=r"missing\.json.*service_bus\.entities"):
        Namespace.load(tmp_path / "missing.json")
