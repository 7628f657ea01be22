"""The entities of a namespace, from a file in the format of Microsoft's Service Bus emulator (`Config.json`).

https://learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator
Unknown and unsupported properties are refused; the error names them.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_pascal

from local_azure.service_bus import limits

# TimeSpan.MaxValue of .NET: never.
FOREVER = timedelta(days=10675198)


class EntitiesError(Exception):
    """The entities file is missing or wrong. The message names the property and the fix."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, validate_by_name=True)


def _not_supported(value: Any, what: str) -> None:
    if value:
        raise ValueError(f"{what} is not supported by this local Service Bus; remove it")


class CorrelationFilter(_Section):
    """Matches messages that have all of these values. None: any value."""

    content_type: str | None = None
    correlation_id: str | None = None
    label: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    to: str | None = None
    properties: dict[str, str | int | float | bool] = {}


class SqlFilter(_Section):
    sql_expression: str


class RuleProperties(_Section):
    filter_type: Literal["Correlation", "Sql"]
    correlation_filter: CorrelationFilter | None = None
    sql_filter: SqlFilter | None = None
    action: Any = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _not_supported(self.action, "Action")
        if self.filter_type == "Correlation" and self.correlation_filter is None:
            raise ValueError("FilterType Correlation needs a CorrelationFilter")
        if self.filter_type == "Sql" and self.sql_filter is None:
            raise ValueError("FilterType Sql needs a SqlFilter")
        return self


class Rule(_Section):
    name: str
    properties: RuleProperties


class _Receivable(_Section):
    """Properties that queues and subscriptions have."""

    dead_lettering_on_message_expiration: bool = False
    default_message_time_to_live: timedelta = FOREVER
    lock_duration: timedelta = timedelta(seconds=limits.DEFAULT_LOCK_DURATION)
    max_delivery_count: int = Field(
        default=limits.DEFAULT_MAX_DELIVERY_COUNT, ge=1, le=limits.HIGHEST_MAX_DELIVERY_COUNT
    )
    forward_dead_lettered_messages_to: str = ""
    forward_to: str = ""
    requires_session: bool = False

    @field_validator("lock_duration")
    @classmethod
    def _within_limit(cls, duration: timedelta) -> timedelta:
        if not timedelta(0) < duration <= timedelta(seconds=limits.MAX_LOCK_DURATION):
            raise ValueError(f"LockDuration must be above 0 and at most {limits.MAX_LOCK_DURATION} s")
        return duration

    @model_validator(mode="after")
    def _check(self) -> Self:
        _not_supported(self.forward_to, "ForwardTo")
        _not_supported(self.forward_dead_lettered_messages_to, "ForwardDeadLetteredMessagesTo")
        _not_supported(self.requires_session, "RequiresSession")
        return self


class _Sendable(_Section):
    """Properties that queues and topics have."""

    duplicate_detection_history_time_window: timedelta = timedelta(seconds=limits.DEFAULT_DUPLICATE_DETECTION_WINDOW)
    requires_duplicate_detection: bool = False

    @field_validator("duplicate_detection_history_time_window")
    @classmethod
    def _window_within_limits(cls, window: timedelta) -> timedelta:
        lowest, highest = limits.MIN_DUPLICATE_DETECTION_WINDOW, limits.MAX_DUPLICATE_DETECTION_WINDOW
        if not timedelta(seconds=lowest) <= window <= timedelta(seconds=highest):
            raise ValueError(f"DuplicateDetectionHistoryTimeWindow must be {lowest} to {highest} s")
        return window


class QueueProperties(_Receivable, _Sendable):
    pass


class SubscriptionProperties(_Receivable):
    pass


class TopicProperties(_Sendable):
    default_message_time_to_live: timedelta = FOREVER


class QueueDefinition(_Section):
    name: str = Field(min_length=1, max_length=limits.MAX_ENTITY_NAME_LENGTH)
    properties: QueueProperties = QueueProperties()


class SubscriptionDefinition(_Section):
    """Without rules it receives every message, as with the `$Default` rule of Azure."""

    name: str = Field(min_length=1, max_length=limits.MAX_SUBSCRIPTION_NAME_LENGTH)
    properties: SubscriptionProperties = SubscriptionProperties()
    rules: list[Rule] = []


class TopicDefinition(_Section):
    name: str = Field(min_length=1, max_length=limits.MAX_ENTITY_NAME_LENGTH)
    properties: TopicProperties = TopicProperties()
    subscriptions: list[SubscriptionDefinition] = []


class Namespace(_Section):
    """Queues and topics. No two have the same name; names are case-insensitive."""

    name: str = "local"
    queues: list[QueueDefinition] = []
    topics: list[TopicDefinition] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        _unique("queue or topic", [queue.name for queue in self.queues] + [topic.name for topic in self.topics])
        for topic in self.topics:
            _unique(f"subscription of {topic.name}", [each.name for each in topic.subscriptions])
        return self

    @classmethod
    def read(cls, content: str | dict[str, Any], source: str = "entities") -> Self:
        """The only namespace of a file's content. Raises EntitiesError."""
        try:
            return _File.model_validate(json.loads(content) if isinstance(content, str) else content).namespace(cls)
        except ValidationError as error:
            first = error.errors()[0]
            property_path = ".".join(str(part) for part in first["loc"])
            raise EntitiesError(f"{source}: {property_path}: {first['msg']}") from None
        except ValueError as error:
            raise EntitiesError(f"{source}: {error}") from None

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads the entities file. Raises EntitiesError."""
        try:
            return cls.read(file.read_text(encoding="utf-8"), str(file))
        except OSError as error:
            raise EntitiesError(f"{file}: cannot be read: {error.strerror}; name it in service_bus.entities") from None


def _unique(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"more than one {what} has the name {name!r}")
        seen.add(name.lower())


class _UserConfig(_Section):
    namespaces: list[dict[str, Any]] = Field(min_length=1, max_length=1)
    logging: dict[str, Any] = {}


class _File(_Section):
    user_config: _UserConfig

    def namespace[T: Namespace](self, kind: type[T]) -> T:
        return kind.model_validate(self.user_config.namespaces[0])
