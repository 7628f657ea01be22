"""Maps the errors of this Service Bus to AMQP conditions and to the HTTP-like statuses of the management node."""

from collections.abc import Iterator
from contextlib import contextmanager

from local_azure.service_bus.amqp.errors import DECODE_ERROR, INTERNAL_ERROR, NOT_ALLOWED, NOT_IMPLEMENTED, AmqpError
from local_azure.service_bus.errors import (
    EntityNotFound,
    InvalidArgument,
    MalformedMessage,
    MessageLockLost,
    MessageNotFound,
    NotSupported,
    OperationNotAllowed,
    ServiceBusError,
    StateNotRead,
    StateNotWritten,
)

DEAD_LETTER = "com.microsoft:dead-letter"

_CONDITIONS_AND_STATUSES: dict[type[ServiceBusError], tuple[str, int]] = {
    EntityNotFound: ("amqp:not-found", 404),
    MessageNotFound: ("com.microsoft:message-not-found", 404),
    MessageLockLost: ("com.microsoft:message-lock-lost", 410),
    InvalidArgument: ("com.microsoft:argument-error", 400),
    MalformedMessage: (DECODE_ERROR, 400),
    OperationNotAllowed: (NOT_ALLOWED, 400),
    NotSupported: (NOT_IMPLEMENTED, 501),
    StateNotWritten: (INTERNAL_ERROR, 500),
    StateNotRead: (INTERNAL_ERROR, 500),
}


def status_of(error: ServiceBusError) -> int:
    """The status with which the management node reports `error`."""
    return _CONDITIONS_AND_STATUSES[type(error)][1]


def amqp_error(error: ServiceBusError) -> AmqpError:
    return AmqpError(_CONDITIONS_AND_STATUSES[type(error)][0], str(error))


@contextmanager
def raised_as_amqp_errors() -> Iterator[None]:
    """Raises AmqpError instead of ServiceBusError; also a decorator."""
    try:
        yield
    except ServiceBusError as error:
        raise amqp_error(error) from error
