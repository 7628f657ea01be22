"""The errors of this Service Bus. `nodes/errors.py` maps them to AMQP."""


class ServiceBusError(Exception):
    """A client's request failed; the client gets the message."""


class EntityNotFound(ServiceBusError):
    def __init__(self, path: str) -> None:
        super().__init__(f"The messaging entity '{path}' could not be found. It has to be in the entities file.")


class MessageLockLost(ServiceBusError):
    def __init__(self) -> None:
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already been removed."
        )


class MessageNotFound(ServiceBusError):
    def __init__(self, sequence_number: int) -> None:
        super().__init__(f"There is no such message with the sequence number {sequence_number}.")


class OperationNotAllowed(ServiceBusError):
    """The entity does not allow the operation."""


class InvalidArgument(ServiceBusError):
    """An argument has a wrong type or value."""


class NotSupported(ServiceBusError):
    """Azure Service Bus has the feature; this implementation does not."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is not supported by this local Service Bus.")


class MalformedMessage(ServiceBusError):
    """The bytes are not an AMQP message."""


class StateNotWritten(ServiceBusError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The state could not be written: {reason}.")


class StateNotRead(ServiceBusError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The state could not be read: {reason}.")
