"""AMQP errors: condition, description and details (AMQP 1.0 §2.8.14-2.8.18)."""

from typing import Any

DECODE_ERROR = "amqp:decode-error"
FRAMING_ERROR = "amqp:connection:framing-error"
CONNECTION_FORCED = "amqp:connection:forced"
INTERNAL_ERROR = "amqp:internal-error"
INVALID_FIELD = "amqp:invalid-field"
NOT_ALLOWED = "amqp:not-allowed"
NOT_IMPLEMENTED = "amqp:not-implemented"
MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
HANDLE_IN_USE = "amqp:session:handle-in-use"
UNATTACHED_HANDLE = "amqp:session:unattached-handle"


class AmqpError(Exception):
    """The peer gets it in a rejected outcome, a detach, an end or a close."""

    def __init__(self, condition: str, description: str, details: dict[Any, Any] | None = None) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.condition}: {self.description}"


class DecodeError(AmqpError):
    """The bytes are not a valid AMQP value, performative or section."""

    def __init__(self, description: str) -> None:
        super().__init__(DECODE_ERROR, description)


class FramingError(AmqpError):
    """The byte stream cannot be split into frames."""

    def __init__(self, description: str) -> None:
        super().__init__(FRAMING_ERROR, description)
