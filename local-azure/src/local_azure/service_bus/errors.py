"""Every error this server tells a client is made here: AMQP conditions, and the HTTP-like statuses of management."""

from local_azure.service_bus.amqp.errors import (
    DECODE_ERROR,
    INTERNAL_ERROR,
    INVALID_FIELD,
    MESSAGE_SIZE_EXCEEDED,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    AmqpError,
)

NOT_FOUND = "amqp:not-found"
MESSAGE_LOCK_LOST = "com.microsoft:message-lock-lost"
MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
ARGUMENT_ERROR = "com.microsoft:argument-error"
DEAD_LETTER = "com.microsoft:dead-letter"

_STATUSES = {
    NOT_FOUND: 404,
    MESSAGE_NOT_FOUND: 404,
    MESSAGE_LOCK_LOST: 410,
    ARGUMENT_ERROR: 400,
    DECODE_ERROR: 400,
    INVALID_FIELD: 400,
    NOT_ALLOWED: 400,
    MESSAGE_SIZE_EXCEEDED: 400,
    NOT_IMPLEMENTED: 501,
    INTERNAL_ERROR: 500,
}


def status_of(error: AmqpError) -> int:
    """The status with which the management node reports `error`."""
    return _STATUSES.get(error.condition, 500)


def entity_not_found(path: str) -> AmqpError:
    return AmqpError(NOT_FOUND, f"The messaging entity '{path}' could not be found. It has to be in the entities file.")


def message_lock_lost() -> AmqpError:
    return AmqpError(
        MESSAGE_LOCK_LOST,
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed.",
    )


def message_not_found(sequence_number: int) -> AmqpError:
    return AmqpError(MESSAGE_NOT_FOUND, f"There is no such message with the sequence number {sequence_number}.")


def sessions_not_supported(path: str) -> AmqpError:
    return AmqpError(
        NOT_ALLOWED, f"It is not possible to receive by session from '{path}': it does not require sessions."
    )


def not_allowed(reason: str) -> AmqpError:
    return AmqpError(NOT_ALLOWED, reason)


def not_supported(what: str) -> AmqpError:
    return AmqpError(NOT_IMPLEMENTED, f"{what} is not supported by this local Service Bus.")


def bad_argument(reason: str) -> AmqpError:
    return AmqpError(ARGUMENT_ERROR, reason)


def malformed_message(reason: str) -> AmqpError:
    return AmqpError(DECODE_ERROR, f"The message cannot be read: {reason}.")


def not_stored(reason: str) -> AmqpError:
    return AmqpError(INTERNAL_ERROR, f"The state could not be written: {reason}.")


def not_readable(reason: str) -> AmqpError:
    return AmqpError(INTERNAL_ERROR, f"The state could not be read: {reason}.")
