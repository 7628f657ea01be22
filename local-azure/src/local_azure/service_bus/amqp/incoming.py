"""The receiving end of a link on which the peer sends (AMQP 1.0 §2.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from local_azure.service_bus.amqp.errors import MESSAGE_SIZE_EXCEEDED, AmqpError, DecodeError
from local_azure.service_bus.amqp.outcomes import ENCODED_ACCEPTED, Rejected, encode_outcome
from local_azure.service_bus.amqp.outgoing import LinkSession
from local_azure.service_bus.amqp.performatives import Attach, Flow, Transfer
from local_azure.service_bus.amqp.terminus import Terminus, decode_terminus, encode_source, encode_target

LINK_CREDIT = 1000  # messages granted to a sender; renewed when half of it is used


@dataclass(slots=True)
class Delivery:
    """A message as the peer sent it, to be accepted or rejected. `message_format`: §2.7.5."""

    link: IncomingLink
    delivery_id: int
    message_format: int
    settled: bool
    payload: bytes = b""

    def accept(self) -> None:
        if not self.settled:
            self.link.session.settle_incoming(self.delivery_id, ENCODED_ACCEPTED)

    def reject(self, error: AmqpError) -> None:
        if not self.settled:
            self.link.session.settle_incoming(self.delivery_id, encode_outcome(Rejected(error)))


@dataclass(slots=True)
class _Unfinished:
    """A delivery with more frames to come. Beyond the size limit only its size is kept."""

    delivery: Delivery
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0


class DeliveryHandler(Protocol):
    """The node at the end of a link on which the peer sends."""

    def on_delivery(self, delivery: Delivery) -> None:
        """Handles a complete delivery, which must be accepted or rejected, now or later. AmqpError rejects it."""

    def on_detached(self) -> None:
        """The link has ended, for any reason."""


class IncomingLink:
    """`handler`: the node that gets the deliveries."""

    def __init__(
        self,
        session: LinkSession,
        attach: Attach,
        max_message_size: int,
        open_node: Callable[[IncomingLink], DeliveryHandler],
    ) -> None:
        """Raises AmqpError if `open_node` refuses the link."""
        self.session = session
        self.handle = attach.handle
        self.target = decode_terminus(attach.target) or Terminus()
        self.attached = True
        self.attach_reply = replace(self.refusal(attach, max_message_size), target=encode_target(self.target))
        self._max_message_size = max_message_size
        self._delivery_count = attach.initial_delivery_count or 0
        self._credit = 0
        self._unfinished: _Unfinished | None = None
        self.handler = open_node(self)

    @staticmethod
    def refusal(attach: Attach, max_message_size: int) -> Attach:
        """The answer to an attach that is refused: it has no target (§2.6.3)."""
        source = decode_terminus(attach.source)
        return Attach(
            name=attach.name,
            handle=attach.handle,
            role=True,
            snd_settle_mode=attach.snd_settle_mode,
            rcv_settle_mode=attach.rcv_settle_mode,
            source=encode_source(Terminus(source.address if source else None)),
            max_message_size=max_message_size,
        )

    def renew_credit(self) -> None:
        self._credit = LINK_CREDIT
        self.session.send_flow(Flow(handle=self.handle, delivery_count=self._delivery_count, link_credit=self._credit))

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Handles one frame of a delivery; the last one has no `more`."""
        unfinished = self._unfinished
        if unfinished is None:
            if transfer.delivery_id is None:
                raise DecodeError("transfer: the first frame of a delivery has no delivery-id")
            delivery = Delivery(self, transfer.delivery_id, transfer.message_format or 0, bool(transfer.settled))
            if not transfer.more and not transfer.aborted and len(payload) <= self._max_message_size:
                delivery.payload = payload
                self._finish(delivery)
                return
            unfinished = self._unfinished = _Unfinished(delivery)
        unfinished.delivery.settled |= bool(transfer.settled)
        unfinished.size += len(payload)
        if unfinished.size <= self._max_message_size:
            unfinished.chunks.append(payload)
        else:
            unfinished.chunks.clear()
        if transfer.aborted:
            self._unfinished = None
        elif not transfer.more:
            self._unfinished = None
            unfinished.delivery.payload = b"".join(unfinished.chunks)
            self._finish(unfinished.delivery, unfinished.size)

    def _finish(self, delivery: Delivery, size: int = 0) -> None:
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF
        self._credit -= 1
        if size > self._max_message_size:
            allowed = f"{size} bytes, where {self._max_message_size} are allowed"
            delivery.reject(AmqpError(MESSAGE_SIZE_EXCEEDED, f"a message of {allowed}"))
        elif self.attached:
            try:
                self.handler.on_delivery(delivery)
            except AmqpError as error:
                delivery.reject(error)
        if self._credit <= LINK_CREDIT // 2:
            self.renew_credit()

    def on_flow(self, flow: Flow) -> None:
        if flow.echo:
            self.renew_credit()

    def detached(self) -> None:
        """The peer or the connection ended the link."""
        self.attached = False
        self._unfinished = None
        self.handler.on_detached()
