"""The sending end of a link on which the peer receives (AMQP 1.0 §2.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from local_azure.service_bus.amqp.outcomes import Outcome, encode_outcome
from local_azure.service_bus.amqp.performatives import Attach, Flow
from local_azure.service_bus.amqp.terminus import Terminus, decode_terminus, encode_source, encode_target

SEND_SETTLED = 1  # snd-settle-mode (§2.8.2)


class LinkSession(Protocol):
    """The session below a link."""

    @property
    def sendable(self) -> bool:
        """Whether a transfer would be written at once."""

    def outgoing_links(self) -> Sequence[OutgoingLink]:
        """The links on which the peer receives, the latest first."""

    def send_flow(self, flow: Flow) -> None:
        """Sends a flow of a link, with the session's state filled in."""

    def send_transfer(self, link: OutgoingLink, payload: bytes, tag: bytes, *, settled: bool) -> None: ...

    def settle_incoming(self, delivery_id: int, state: bytes) -> None: ...

    def settle_outgoing(self, delivery_id: int, state: bytes) -> None: ...


class OutgoingHandler(Protocol):
    """The node at the start of a link on which the peer receives."""

    def on_sendable(self) -> None:
        """Messages can be sent again."""

    def on_drain(self) -> None:
        """The peer wants its credit used or returned now. Must call `link.drained()`."""

    def on_outcome(self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, settled: bool) -> None:
        """The peer reports the outcome of a delivery. Unless `settled`, the handler must call `link.settle`."""

    def on_detached(self) -> None:
        """The link has ended, for any reason."""


class OutgoingLink:
    """`handler`: the node that provides the messages."""

    def __init__(
        self, session: LinkSession, attach: Attach, open_node: Callable[[OutgoingLink], OutgoingHandler]
    ) -> None:
        """Raises AmqpError if `open_node` refuses the link."""
        self.session = session
        self.handle = attach.handle
        self.source = decode_terminus(attach.source) or Terminus()
        self.target = decode_terminus(attach.target)
        self.settled_on_sending = attach.snd_settle_mode == SEND_SETTLED
        self.credit = 0
        self.attached = True
        self.attach_reply = replace(self.refusal(attach), source=encode_source(self.source))
        self._delivery_count = 0
        self.handler = open_node(self)

    @staticmethod
    def refusal(attach: Attach) -> Attach:
        """The answer to an attach that is refused: it has no source (§2.6.3)."""
        return Attach(
            name=attach.name,
            handle=attach.handle,
            role=False,
            snd_settle_mode=attach.snd_settle_mode,
            rcv_settle_mode=attach.rcv_settle_mode,
            target=encode_target(decode_terminus(attach.target) or Terminus()),
            initial_delivery_count=0,
        )

    @property
    def sendable(self) -> bool:
        """Whether a message can be sent now: link credit, session window, room in the socket's buffer."""
        return self.credit > 0 and self.attached and self.session.sendable

    def send(self, payload: bytes, tag: bytes, *, settled: bool) -> None:
        """Sends one message. Unless `settled`, its outcome is reported to the handler later."""
        if not self.attached:
            return
        self.credit -= 1
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF
        self.session.send_transfer(self, payload, tag, settled=settled)

    def settle(self, delivery_id: int, outcome: Outcome) -> None:
        """Settles a delivery with the outcome that was applied."""
        self.session.settle_outgoing(delivery_id, encode_outcome(outcome))

    def on_flow(self, flow: Flow) -> None:
        """Updates the credit (§2.6.7)."""
        if flow.link_credit is not None:
            peer_count = self._delivery_count if flow.delivery_count is None else flow.delivery_count
            credit = (peer_count + flow.link_credit - self._delivery_count) & 0xFFFFFFFF
            self.credit = credit if credit < 2**31 else 0
        if flow.drain:
            self.handler.on_drain()
            return
        if flow.echo:
            self._send_state()
        if self.sendable:
            self.handler.on_sendable()

    def drained(self) -> None:
        """Returns the remaining credit, because there is nothing to send (§2.6.7)."""
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
        """The peer or the connection ended the link."""
        self.attached = False
        self.credit = 0
        self.handler.on_detached()
