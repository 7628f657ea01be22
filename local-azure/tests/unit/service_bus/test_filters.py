"""The rules of subscriptions."""

from typing import Any

import pytest

from local_azure.service_bus.amqp.types import UInt, ULong
from local_azure.service_bus.entities import EntitiesError, Rule
from local_azure.service_bus.filters import any_of
from local_azure.service_bus.message import IncomingMessage, read_message
from tests.unit.service_bus.fakes import encoded_message


def rule(**correlation: Any) -> Rule:
    return Rule.model_validate(
        {"Name": "r", "Properties": {"FilterType": "Correlation", "CorrelationFilter": correlation}}
    )


def message(**parts: Any) -> IncomingMessage:
    return read_message(encoded_message(**parts))


def test_without_rules_everything_matches() -> None:
    assert any_of([])(message())


@pytest.mark.parametrize(
    ("expected", "parts", "matches"),
    [
        ({"Label": "Canceled"}, {"subject": "Canceled"}, True),
        ({"Label": "Canceled"}, {"subject": "canceled"}, False),
        ({"Label": "Canceled"}, {}, False),
        ({"Label": "Canceled", "MessageId": "1"}, {"subject": "Canceled", "message_id": "1"}, True),
        ({"Label": "Canceled", "MessageId": "1"}, {"subject": "Canceled", "message_id": "2"}, False),
        ({"MessageId": "7"}, {"message_id": ULong(7)}, True),
        ({"Properties": {"color": "red"}}, {"properties": {"color": "red"}}, True),
        ({"Properties": {"color": "red"}}, {"properties": {"color": "blue"}}, False),
        ({"Properties": {"color": "red"}}, {}, False),
        ({"Properties": {"size": 3}}, {"properties": {"size": UInt(3)}}, True),
        ({"Properties": {"yes": True}}, {"properties": {"yes": True}}, True),
        ({"Properties": {"yes": True}}, {"properties": {"yes": 1}}, False),
        ({"Label": "L", "Properties": {"size": 3}}, {"subject": "L", "properties": {"size": 4}}, False),
    ],
)
def test_all_properties_of_a_correlation_filter_must_be_equal(
    expected: dict[str, Any], parts: dict[str, Any], matches: bool
) -> None:
    assert any_of([rule(**expected)])(message(**parts)) is matches


def test_one_of_several_rules_must_match() -> None:
    matches = any_of([rule(Label="a"), rule(Label="b")])

    assert [matches(message(subject=subject)) for subject in ("a", "b", "c")] == [True, True, False]


def test_an_sql_filter_is_refused() -> None:
    properties = {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "1=1"}}

    with pytest.raises(EntitiesError, match="SqlFilter"):
        any_of([Rule.model_validate({"Name": "by-sql", "Properties": properties})])
