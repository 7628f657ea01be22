"""The `$management` node of an entity: operations beyond transfers and dispositions.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from local_azure.service_bus.amqp.incoming import Delivery
from local_azure.service_bus.amqp.types import Array, Int, Symbol, Timestamp
from local_azure.service_bus.broker.broker import Broker
from local_azure.service_bus.errors import InvalidArgument, NotSupported, ServiceBusError, StateNotWritten
from local_azure.service_bus.limits import MAX_PEEKED_MESSAGES, MAX_PEEKED_SIZE
from local_azure.service_bus.message import IncomingMessage, read_message, write_message, write_response
from local_azure.service_bus.nodes.errors import amqp_error, raised_as_amqp_errors, status_of
from local_azure.service_bus.nodes.request_response import Request, accept, respond
from local_azure.service_bus.operations import Operation, Operations
from local_azure.service_bus.store import Store

SUFFIX = "/$management"
VENDOR = "com.microsoft:"
OK, NO_CONTENT = 200, 204
RECEIVE_AND_DELETE = 0  # a value of receiver-settle-mode

type Answer = tuple[int, dict[str, Any]]


class ManagementNode:
    """Performs operations, and answers after their writes are committed."""

    def __init__(self, path: str, broker: Broker, store: Store, operations: Operations) -> None:
        self._path = path
        self._broker = broker
        self._store = store
        self._counted = operations
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "renew-lock": self._renew_lock,
            "peek-message": self._peek,
            "schedule-message": self._schedule,
            "cancel-scheduled-message": self._cancel_scheduled,
            "receive-by-sequence-number": self._receive_deferred,
            "update-disposition": self._update_disposition,
        }

    @raised_as_amqp_errors()
    def on_delivery(self, delivery: Delivery) -> None:
        self._counted.count(self._path, Operation.MANAGED)
        request = accept(delivery)
        try:
            status, body = self._perform(request)
        except ServiceBusError as error:
            self._respond(delivery, request, error)
            return
        self._store.after_commit(
            lambda: self._respond(delivery, request, (status, body)),
            lambda: self._respond(delivery, request, StateNotWritten("the transaction was undone")),
        )

    def _perform(self, request: Request) -> Answer:
        operation = self._operations.get(request.operation.removeprefix(VENDOR))
        if operation is None or not request.operation.startswith(VENDOR):
            raise NotSupported(f"The operation {request.operation!r}")
        if not isinstance(request.body, dict):
            raise InvalidArgument(f"{request.operation}: the body is not a map")
        return operation(request.body)

    def _respond(self, delivery: Delivery, request: Request, answer: Answer | ServiceBusError) -> None:
        if isinstance(answer, ServiceBusError):
            properties = {
                "statusCode": Int(status_of(answer)),
                "statusDescription": str(answer),
                "errorCondition": Symbol(amqp_error(answer).condition),
            }
            body = None
        else:
            properties = {"statusCode": Int(answer[0]), "statusDescription": "OK" if answer[0] == OK else "No content"}
            body = answer[1]
        respond(delivery.link, request, write_response(request.message_id, properties, body))

    def _renew_lock(self, body: dict[str, Any]) -> Answer:
        queue = self._broker.queue(self._path)
        expirations = [Timestamp(queue.renew(token)) for token in _lock_tokens(body)]
        return OK, {"expirations": Array(expirations)}

    def _peek(self, body: dict[str, Any]) -> Answer:
        start, count = _integer(body, "from-sequence-number"), _integer(body, "message-count")
        queue = self._broker.queue(self._path)
        messages: list[dict[str, Any]] = []
        size = 0
        for message in queue.peek(start, min(max(count, 0), MAX_PEEKED_MESSAGES)):
            encoded = write_message(message, with_state=True)
            size += len(encoded)
            if messages and size > MAX_PEEKED_SIZE:
                break
            messages.append({"message": encoded})
        return (OK, {"messages": messages}) if messages else (NO_CONTENT, {})

    def _schedule(self, body: dict[str, Any]) -> Answer:
        destination = self._broker.destination(self._path)
        incoming = [_scheduled_message(entry) for entry in _list(body, "messages")]
        return OK, {"sequence-numbers": Array(destination.schedule(incoming))}

    def _cancel_scheduled(self, body: dict[str, Any]) -> Answer:
        self._broker.destination(self._path).cancel(_integers(body, "sequence-numbers"))
        return OK, {}

    def _receive_deferred(self, body: dict[str, Any]) -> Answer:
        delete = _integer(body, "receiver-settle-mode") == RECEIVE_AND_DELETE
        queue = self._broker.queue(self._path)
        messages: list[dict[str, Any]] = []
        for message, lock in queue.take_deferred(_integers(body, "sequence-numbers"), delete=delete):
            entry: dict[str, Any] = {
                "message": write_message(message, None if lock is None else lock.shown_until, with_state=True)
            }
            if lock is not None:
                entry["lock-token"] = UUID(bytes_le=lock.token)
            messages.append(entry)
        return OK, {"messages": messages}

    def _update_disposition(self, body: dict[str, Any]) -> Answer:
        queue = self._broker.queue(self._path)
        status = body.get("disposition-status")
        if body.get("properties-to-modify"):
            raise NotSupported("Changing the properties of a message when it is settled")
        for token in _lock_tokens(body):
            match status:
                case "completed":
                    queue.complete(token)
                case "abandoned":
                    queue.abandon(token)
                case "defered":
                    queue.defer(token)
                case "suspended":
                    queue.dead_letter(token, body.get("deadletter-reason"), body.get("deadletter-description"))
                case _:
                    raise InvalidArgument(f"disposition-status {status!r} is unknown")
        return OK, {}

    def on_detached(self) -> None:
        pass


def _scheduled_message(entry: Any) -> IncomingMessage:
    encoded = entry.get("message") if isinstance(entry, dict) else None
    if not isinstance(encoded, bytes):
        raise InvalidArgument("messages: an entry has no message")
    return read_message(encoded)


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    if not isinstance(value, list):
        raise InvalidArgument(f"{name} is not a list")
    return value


def _lock_tokens(body: dict[str, Any]) -> list[bytes]:
    tokens = _list(body, "lock-tokens")
    if not all(isinstance(token, UUID) for token in tokens):
        raise InvalidArgument("lock-tokens: not all are uuids")
    return [token.bytes_le for token in tokens]


def _integers(body: dict[str, Any], name: str) -> list[int]:
    numbers = _list(body, name)
    if not all(isinstance(number, int) for number in numbers):
        raise InvalidArgument(f"{name}: not all are integers")
    return numbers


def _integer(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int):
        raise InvalidArgument(f"{name} is not an integer")
    return value
