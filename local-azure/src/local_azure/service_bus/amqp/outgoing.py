"""The sending end of a link on which the peer receives (AMQP 1.0 §2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_azure.service_bus.amqp.outcomes import Outcome, encode_outcome
from local_azure.service_bus.amqp.performatives import Attach, Flow
from local_azure.service_bus.amqp.terminus import Terminus, decode_terminus, encode_source, encode_target

if TYPE_CHECKING:
    from local_azure.service_bus.amqp.handlers import OutgoingHandler
    from local_azure.service_bus.amqp.session import Session

SEND_SETTLED = 1  # snd-settle-mode (§2.8.2)


class OutgoingLink:
    """`handler` is the node that gives the messages; None while it is not attached."""

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.name = attach.name
        self.handle = attach.handle
        self.source = decode_terminus(attach.source) or Terminus()
        self.target = decode_terminus(attach.target)
        self.properties = attach.properties or {}
        self.settled_on_sending = attach.snd_settle_mode == SEND_SETTLED
        self.handler: OutgoingHandler | None = None
        self.credit = 0
        self._attach = attach
        self._delivery_count = 0

    def attach_reply(self, *, refused: bool) -> Attach:
        """The answer to the peer's attach; without a source where the link is refused (§2.6.3)."""
        return Attach(
            name=self.name,
            handle=self.handle,
            role=False,
            snd_settle_mode=self._attach.snd_settle_mode,
            rcv_settle_mode=self._attach.rcv_settle_mode,
            source=None if refused else encode_source(self.source),
            target=encode_target(self.target or Terminus()),
            initial_delivery_count=self._delivery_count,
        )

    @property
    def sendable(self) -> bool:
        """Whether a message may be sent now: credit of the link, window of the session, room in the socket's buffer."""
        return self.credit > 0 and self.handler is not None and self.session.sendable

    def send(self, payload: bytes, tag: bytes, *, settled: bool) -> None:
        """Sends one message. Without `settled` the handler learns its outcome later."""
        if self.handler is None:
            return
        self.credit -= 1
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF
        self.session.send_transfer(self, payload, tag, settled=settled)

    def settle(self, delivery_id: int, outcome: Outcome) -> None:
        """Tells the peer which outcome was applied to a delivery."""
        self.session.settle_outgoing(delivery_id, encode_outcome(outcome))

    def on_flow(self, flow: Flow) -> None:
        """Takes over the peer's credit (§2.6.7)."""
        if flow.link_credit is not None:
            known = self._delivery_count if flow.delivery_count is None else flow.delivery_count
            credit = (known + flow.link_credit - self._delivery_count) & 0xFFFFFFFF
            self.credit = credit if credit < 2**31 else 0
        if self.handler is None:
            return
        if flow.drain:
            self.handler.on_drain()
            return
        if flow.echo:
            self._send_state()
        if self.sendable:
            self.handler.on_sendable()

    def drained(self) -> None:
        """Gives back what is left of the credit, because there is nothing to send (§2.6.7)."""
        self._delivery_count = (self._delivery_count + self.credit) & 0xFFFFFFFF
        self.credit = 0
        self._send_state(drain=True)

    def _send_state(self, *, drain: bool = False) -> None:
        self.session.send_flow(
            Flow(
                handle=self.handle,
                delivery_count=self._delivery_count,
                link_credit=self.credit,
                available=0,
                drain=drain,
            )
        )

    def detached(self) -> None:
        """The peer or the connection has ended the link."""
        handler, self.handler = self.handler, None
        self.credit = 0
        if handler is not None:
            handler.on_detached()
