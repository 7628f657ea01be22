"""One session: its links, unsettled deliveries, and flow control of transfers (AMQP 1.0 §2.5)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from local_azure.service_bus.amqp.errors import HANDLE_IN_USE, UNATTACHED_HANDLE, AmqpError
from local_azure.service_bus.amqp.frames import TRANSFER_OVERHEAD, disposition_frame, transfer_frame
from local_azure.service_bus.amqp.incoming import DeliveryHandler, IncomingLink
from local_azure.service_bus.amqp.outcomes import decode_outcome
from local_azure.service_bus.amqp.outgoing import OutgoingHandler, OutgoingLink
from local_azure.service_bus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Flow,
    Performative,
    Transfer,
    encode_error,
)

INCOMING_WINDOW = 5000  # transfer frames; renewed when half of it is used
OUTGOING_WINDOW = 5000
HANDLE_MAX = 255
# azure-servicebus, which numbers its own deliveries from 0, applies a disposition of ours to those with the same number
# too. Ours start far away from them.
FIRST_OUTGOING_ID = 2**30
_ROLE_RECEIVER, _ROLE_SENDER = 0x41, 0x42


class Container(Protocol):
    """Opens the node for a link. Both methods raise AmqpError to refuse it."""

    def open_incoming(self, link: IncomingLink) -> DeliveryHandler: ...

    def open_outgoing(self, link: OutgoingLink) -> OutgoingHandler: ...


class SessionConnection(Protocol):
    """The connection below a session. Sizes in bytes."""

    @property
    def container(self) -> Container: ...

    @property
    def max_message_size(self) -> int: ...

    @property
    def remote_max_frame_size(self) -> int: ...

    @property
    def writable(self) -> bool:
        """Whether the socket's buffer has room."""

    def send(self, channel: int, performative: Performative) -> None: ...

    def write(self, octets: bytes) -> None:
        """Writes encoded frames."""


class _Unsettled(NamedTuple):
    link: OutgoingLink
    tag: bytes


class Session:
    """The session on one channel. Both sides use the same channel number."""

    def __init__(self, connection: SessionConnection, channel: int, begin: Begin) -> None:
        self._connection = connection
        self._channel = channel
        self._links: dict[int, IncomingLink | OutgoingLink] = {}
        self._refused_handles: set[int] = set()  # the peer may send transfers before it reads the refusal
        self._unsettled: dict[int, _Unsettled] = {}
        self._next_incoming_id = begin.next_outgoing_id
        self._unreported = 0
        self._next_outgoing_id = FIRST_OUTGOING_ID
        self._remote_incoming_window = begin.incoming_window
        self._waiting: deque[bytes] = deque()
        self.ended = False

    def begin_reply(self) -> Begin:
        return Begin(
            remote_channel=self._channel,
            next_outgoing_id=self._next_outgoing_id,
            incoming_window=INCOMING_WINDOW,
            outgoing_window=OUTGOING_WINDOW,
            handle_max=HANDLE_MAX,
        )

    @property
    def sendable(self) -> bool:
        """Whether a transfer would be written at once: open window, nothing queued, room in the socket's buffer."""
        return self._remote_incoming_window > 0 and not self._waiting and self._connection.writable and not self.ended

    def outgoing_links(self) -> list[OutgoingLink]:
        """The links on which the peer receives, the latest first."""
        return [link for link in reversed(self._links.values()) if isinstance(link, OutgoingLink)]

    def send(self, performative: Performative) -> None:
        if not self.ended:
            self._connection.send(self._channel, performative)

    def send_flow(self, flow: Flow) -> None:
        """Sends a flow of a link or of the session, with the session's state filled in."""
        self._unreported = 0
        flow.next_incoming_id = self._next_incoming_id
        flow.incoming_window = INCOMING_WINDOW
        flow.next_outgoing_id = self._next_outgoing_id
        flow.outgoing_window = OUTGOING_WINDOW
        self.send(flow)

    def send_transfer(self, link: OutgoingLink, payload: bytes, tag: bytes, *, settled: bool) -> None:
        """Sends a message in as many frames as it needs. Frames beyond the peer's window are queued."""
        if self.ended:
            return
        delivery_id = self._next_outgoing_id
        if not settled:
            self._unsettled[delivery_id] = _Unsettled(link, tag)
        start = (link.handle, delivery_id, tag)
        room = self._connection.remote_max_frame_size - TRANSFER_OVERHEAD
        if len(payload) <= room:
            self._emit(transfer_frame(self._channel, start, payload, settled=settled, more=False))
            return
        for at in range(0, len(payload), room):
            more = at + room < len(payload)
            self._emit(transfer_frame(self._channel, start, payload[at : at + room], settled=settled, more=more))

    def _emit(self, frame: bytes) -> None:
        self._next_outgoing_id = (self._next_outgoing_id + 1) & 0xFFFFFFFF
        if self._remote_incoming_window > 0 and not self._waiting:
            self._remote_incoming_window -= 1
            self._connection.write(frame)
        else:
            self._waiting.append(frame)

    def settle_incoming(self, delivery_id: int, state: bytes) -> None:
        if not self.ended:
            self._connection.write(disposition_frame(self._channel, _ROLE_RECEIVER, (delivery_id, delivery_id), state))

    def settle_outgoing(self, delivery_id: int, state: bytes) -> None:
        if not self.ended:
            self._connection.write(disposition_frame(self._channel, _ROLE_SENDER, (delivery_id, delivery_id), state))

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & 0xFFFFFFFF
        self._unreported += 1
        link = self._links.get(transfer.handle)
        if link is None and transfer.handle not in self._refused_handles:
            self._end(AmqpError(UNATTACHED_HANDLE, f"a transfer on handle {transfer.handle}, which is not attached"))
            return
        if isinstance(link, IncomingLink):
            link.on_transfer(transfer, payload)
        if self._unreported >= INCOMING_WINDOW // 2:
            self.send_flow(Flow())

    def on_disposition(self, disposition: Disposition) -> None:
        """Reports the peer's outcomes of our unsettled deliveries to their links."""
        if not disposition.role:
            return
        outcome = decode_outcome(disposition.state)
        first = disposition.first
        last = first if disposition.last is None else disposition.last
        if outcome is None and not disposition.settled:
            return
        for delivery_id in [first] if first == last else [each for each in self._unsettled if first <= each <= last]:
            unsettled = self._unsettled.pop(delivery_id, None)
            if unsettled is not None and unsettled.link.attached:
                unsettled.link.handler.on_outcome(delivery_id, unsettled.tag, outcome, settled=disposition.settled)

    def on_flow(self, flow: Flow) -> None:
        """Updates the peer's window (§2.5.6), and the credit if the flow is one of a link."""
        blocked = not self.sendable
        peer_next_id = self._next_outgoing_id if flow.next_incoming_id is None else flow.next_incoming_id
        sent = self._next_outgoing_id - len(self._waiting)
        window = (peer_next_id + flow.incoming_window - sent) & 0xFFFFFFFF
        self._remote_incoming_window = window if window < 2**31 else 0
        self._send_waiting()
        link = None if flow.handle is None else self._links.get(flow.handle)
        if link is not None:
            link.on_flow(flow)
        elif flow.echo and flow.handle not in self._refused_handles:
            self.send_flow(Flow())
        if blocked:
            self.resume()

    def _send_waiting(self) -> None:
        while self._waiting and self._remote_incoming_window > 0:
            self._remote_incoming_window -= 1
            self._connection.write(self._waiting.popleft())

    def resume(self) -> None:
        """Notifies the links that can send."""
        for link in list(self._links.values()):
            if isinstance(link, OutgoingLink) and link.sendable:
                link.handler.on_sendable()

    def on_attach(self, attach: Attach) -> None:
        """Attaches the peer's link to its node, or refuses it."""
        if attach.handle in self._links:
            self._end(AmqpError(HANDLE_IN_USE, f"handle {attach.handle} is attached already"))
            return
        self._refused_handles.discard(attach.handle)
        if attach.role:
            self._attach_outgoing(attach)
        else:
            self._attach_incoming(attach)

    def _attach_incoming(self, attach: Attach) -> None:
        max_message_size = self._connection.max_message_size
        try:
            link = IncomingLink(self, attach, max_message_size, self._connection.container.open_incoming)
        except AmqpError as error:
            self._refuse(IncomingLink.refusal(attach, max_message_size), error)
            return
        self._links[link.handle] = link
        self.send(link.attach_reply)
        link.renew_credit()

    def _attach_outgoing(self, attach: Attach) -> None:
        try:
            link = OutgoingLink(self, attach, self._connection.container.open_outgoing)
        except AmqpError as error:
            self._refuse(OutgoingLink.refusal(attach), error)
            return
        self._links[link.handle] = link
        self.send(link.attach_reply)

    def _refuse(self, reply: Attach, error: AmqpError) -> None:
        self._refused_handles.add(reply.handle)
        self.send(reply)
        self.send(Detach(reply.handle, closed=True, error=encode_error(error)))

    def on_detach(self, detach: Detach) -> None:
        self._refused_handles.discard(detach.handle)
        link = self._links.pop(detach.handle, None)
        if link is not None:
            self.send(Detach(detach.handle, closed=detach.closed))
            link.detached()

    def on_end(self) -> None:
        self.send(End())
        self.close()

    def _end(self, error: AmqpError) -> None:
        self.send(End(encode_error(error)))
        self.close()

    def close(self) -> None:
        """Detaches every link."""
        self.ended = True
        self._waiting.clear()
        self._unsettled.clear()
        links, self._links = self._links, {}
        for link in links.values():
            link.detached()
