"""Which messages of a topic a subscription takes.

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
    """Matches what one of the rules matches; everything, where there are none. Raises EntitiesError."""
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


def correlation(wanted: CorrelationFilter) -> Filter:
    """Matches where all the given properties are equal, with regard to case."""
    indexes = {name: Properties._fields.index(field) for name, field in _PROPERTIES.items()}
    system = [(indexes[name], value) for name in _PROPERTIES if (value := getattr(wanted, name)) is not None]
    application = dict(wanted.properties)

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


def _equal(actual: object, wanted: object) -> bool:
    """Equal in value and in kind: True is not 1."""
    return actual == wanted and isinstance(actual, bool) == isinstance(wanted, bool)
