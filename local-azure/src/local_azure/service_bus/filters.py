"""The rules of a subscription.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Callable, Iterable

from local_azure.service_bus.entities import CorrelationFilter, EntitiesError, Rule
from local_azure.service_bus.message import IncomingMessage, Properties

type Filter = Callable[[IncomingMessage], bool]

_PROPERTIES = {
    "content_type": "content_type",
    "correlation_id": "correlation_id",
    "label": "subject",
    "message_id": "message_id",
    "reply_to": "reply_to",
    "reply_to_session_id": "reply_to_group_id",
    "session_id": "group_id",
    "to": "to",
}


def any_of(rules: Iterable[Rule]) -> Filter:
    """Matches if any rule matches, or if there are no rules. Raises EntitiesError."""
    filters = [_filter(rule) for rule in rules]
    if not filters:
        return lambda _message: True
    if len(filters) == 1:
        return filters[0]
    return lambda message: any(each(message) for each in filters)


def _filter(rule: Rule) -> Filter:
    if rule.properties.correlation_filter is not None and rule.properties.filter_type == "Correlation":
        return correlation(rule.properties.correlation_filter)
    raise EntitiesError(
        f"rule {rule.name}: SqlFilter is not supported by this local Service Bus; use CorrelationFilter"
    )


def correlation(expected: CorrelationFilter) -> Filter:
    """Matches if all properties of the filter are equal, case-sensitively."""
    indexes = {name: Properties._fields.index(field) for name, field in _PROPERTIES.items()}
    system = [(indexes[name], value) for name in _PROPERTIES if (value := getattr(expected, name)) is not None]
    application = dict(expected.properties)

    def matches(message: IncomingMessage) -> bool:
        for index, value in system:
            actual = message.properties[index]
            if actual != value and (isinstance(actual, str) or actual is None or str(actual) != value):
                return False
        if not application:
            return True
        actual_properties = message.application_properties()
        return all(_equal(actual_properties.get(name), value) for name, value in application.items())

    return matches


def _equal(actual: object, expected: object) -> bool:
    """Unlike `==`, does not take True for 1."""
    return actual == expected and isinstance(actual, bool) == isinstance(expected, bool)
