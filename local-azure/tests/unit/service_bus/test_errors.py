"""The errors of the broker, and how clients see them in AMQP."""

import ast
from pathlib import Path

import pytest

from local_azure.service_bus import broker
from local_azure.service_bus.amqp.errors import AmqpError
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
from local_azure.service_bus.nodes.errors import amqp_error, raised_as_amqp_errors, status_of


@pytest.mark.parametrize(
    ("error", "condition", "status", "description"),
    [
        (EntityNotFound("q"), "amqp:not-found", 404, "The messaging entity 'q' could not be found."),
        (MessageNotFound(7), "com.microsoft:message-not-found", 404, "the sequence number 7."),
        (MessageLockLost(), "com.microsoft:message-lock-lost", 410, "The lock supplied is invalid."),
        (InvalidArgument("x is not a list"), "com.microsoft:argument-error", 400, "x is not a list"),
        (MalformedMessage("no section"), "amqp:decode-error", 400, "no section"),
        (OperationNotAllowed("'t' is a topic"), "amqp:not-allowed", 400, "'t' is a topic"),
        (NotSupported("A transaction"), "amqp:not-implemented", 501, "A transaction is not supported by this local"),
        (StateNotWritten("full"), "amqp:internal-error", 500, "The state could not be written: full."),
        (StateNotRead("broken"), "amqp:internal-error", 500, "The state could not be read: broken."),
    ],
)
def test_each_error_has_its_condition_status_and_description(
    error: ServiceBusError, condition: str, status: int, description: str
) -> None:
    with pytest.raises(AmqpError) as raised, raised_as_amqp_errors():
        raise error

    assert raised.value.condition == condition
    assert description in raised.value.description
    assert status_of(error) == status


def test_no_error_is_missing_in_the_table() -> None:
    for kind in ServiceBusError.__subclasses__():
        assert amqp_error(kind.__new__(kind)).condition


def test_the_broker_imports_nothing_of_amqp() -> None:
    modules = [ast.parse(file.read_text(encoding="utf-8")) for file in Path(broker.__path__[0]).glob("*.py")]

    imported = {
        node.module or "" for module in modules for node in ast.walk(module) if isinstance(node, ast.ImportFrom)
    }

    assert "local_azure.service_bus.errors" in imported
    assert not {name for name in imported if ".amqp" in name or ".nodes" in name}
