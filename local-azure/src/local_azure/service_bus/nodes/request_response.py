"""Requests on one link and their answers on another, as in AMQP Management."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from local_azure.service_bus.amqp.decode import decode_value
from local_azure.service_bus.amqp.errors import DecodeError
from local_azure.service_bus.amqp.incoming import Delivery, IncomingLink
from local_azure.service_bus.amqp.outcomes import Outcome
from local_azure.service_bus.amqp.outgoing import OutgoingLink
from local_azure.service_bus.errors import MalformedMessage
from local_azure.service_bus.message import APPLICATION_PROPERTIES, PROPERTIES, VALUE, Properties, sections


@dataclass(slots=True)
class Request:
    """`operation` is an application property, `body` the value of the message."""

    message_id: Any
    reply_to: str | None
    operation: str
    body: Any


def read_request(payload: bytes) -> Request:
    """Raises MalformedMessage."""
    properties, application_properties, body = Properties(), {}, None
    try:
        for code, _, value_at, _ in sections(payload):
            if code == PROPERTIES:
                properties = Properties(*decode_value(payload, value_at)[0])
            elif code == APPLICATION_PROPERTIES:
                application_properties = dict(decode_value(payload, value_at)[0])
            elif code == VALUE:
                body, _ = decode_value(payload, value_at)
    except (DecodeError, TypeError, ValueError) as error:
        raise MalformedMessage(f"The message cannot be read: {error}.") from error
    operation = application_properties.get("operation")
    return Request(properties.message_id, properties.reply_to, str(operation), body)


class ResponseNode:
    """Sends answers while the client grants credit, and queues the others."""

    def __init__(self, link: OutgoingLink) -> None:
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._sent = 0

    def respond(self, payload: bytes) -> None:
        self._waiting.append(payload)
        self.on_sendable()

    def on_sendable(self) -> None:
        while self._waiting and self._link.sendable:
            self._sent += 1
            self._link.send(self._waiting.popleft(), self._sent.to_bytes(4), settled=True)

    def on_drain(self) -> None:
        self.on_sendable()
        self._link.drained()

    def on_outcome(self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, settled: bool) -> None:
        """Never called: answers are sent settled."""

    def on_detached(self) -> None:
        self._waiting.clear()


def respond(request_link: IncomingLink, request: Request, payload: bytes) -> None:
    """Sends an answer on the client's receiving link of the same node, if it is still attached."""
    for link in request_link.session.outgoing_links():
        address = link.target.address if link.target and request.reply_to else link.source.address
        if address == (request.reply_to or request_link.target.address) and isinstance(link.handler, ResponseNode):
            link.handler.respond(payload)
            return


def accept(delivery: Delivery) -> Request:
    """Accepts the delivery of a request: its result is in the answer. Raises MalformedMessage."""
    request = read_request(delivery.payload)
    delivery.accept()
    return request
