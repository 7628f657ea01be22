"""What an AMQP connection asks of the application behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from local_azure.service_bus.amqp.incoming import Delivery, IncomingLink
    from local_azure.service_bus.amqp.outcomes import Outcome
    from local_azure.service_bus.amqp.outgoing import OutgoingLink


class DeliveryHandler(Protocol):
    """The node at the end of a link on which the peer sends."""

    def on_delivery(self, delivery: Delivery) -> None:
        """Takes a complete delivery, which has to be accepted or rejected now or later. AmqpError rejects it."""

    def on_detached(self) -> None:
        """The link is gone, for whatever reason."""


class OutgoingHandler(Protocol):
    """The node at the start of a link on which the peer receives."""

    def on_sendable(self) -> None:
        """There is credit, window and room to send again."""

    def on_drain(self) -> None:
        """The peer wants its credit used up or given back now; `link.drained()` has to follow."""

    def on_outcome(self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, settled: bool) -> None:
        """The peer says what became of a delivery. Unless it has `settled`, `link.settle` has to follow."""

    def on_detached(self) -> None:
        """The link is gone, for whatever reason."""


class Container(Protocol):
    """Finds the node for a link. Both raise AmqpError to refuse it."""

    def open_incoming(self, link: IncomingLink) -> DeliveryHandler: ...

    def open_outgoing(self, link: OutgoingLink) -> OutgoingHandler: ...
