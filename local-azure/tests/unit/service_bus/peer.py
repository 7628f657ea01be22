"""The peer of an AMQP connection, without a socket: sends frames and reads the answers."""

from dataclasses import dataclass, field
from typing import Any, Self

from local_azure.service_bus.amqp.connection import Connection, ConnectionLimits
from local_azure.service_bus.amqp.errors import AmqpError
from local_azure.service_bus.amqp.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, encode_frame
from local_azure.service_bus.amqp.incoming import Delivery, IncomingLink
from local_azure.service_bus.amqp.outcomes import Outcome
from local_azure.service_bus.amqp.outgoing import OutgoingLink
from local_azure.service_bus.amqp.performatives import (
    Attach,
    Begin,
    Flow,
    Open,
    Performative,
    SaslInit,
    decode_performative,
)
from local_azure.service_bus.amqp.terminus import Terminus, encode_source, encode_target

LIMITS = ConnectionLimits("under-test", max_frame_size=4096, max_message_size=10_000, channel_max=10, idle_timeout=60.0)


@dataclass
class RecordingNode:
    """A node at either end of a link that records its calls."""

    link: Any
    deliveries: list[Delivery] = field(default_factory=list)
    outcomes: list[tuple[int, bytes, Outcome | None, bool]] = field(default_factory=list)
    sendable: int = 0
    detached: int = 0

    def on_delivery(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def on_sendable(self) -> None:
        self.sendable += 1

    def on_drain(self) -> None:
        self.link.drained()

    def on_outcome(self, delivery_id: int, tag: bytes, outcome: Outcome | None, *, settled: bool) -> None:
        self.outcomes.append((delivery_id, tag, outcome, settled))

    def on_detached(self) -> None:
        self.detached += 1


class RecordingContainer:
    """Opens every link except those to `refused`."""

    def __init__(self) -> None:
        self.nodes: list[RecordingNode] = []

    def _open(self, link: Any, address: str | None) -> RecordingNode:
        if address == "refused":
            raise AmqpError("amqp:not-found", "there is no such node")
        self.nodes.append(RecordingNode(link))
        return self.nodes[-1]

    def open_incoming(self, link: IncomingLink) -> RecordingNode:
        return self._open(link, link.target.address)

    def open_outgoing(self, link: OutgoingLink) -> RecordingNode:
        return self._open(link, link.source.address)


class Peer:
    """Sends to the connection under test, and reads what it writes. `now` in seconds."""

    def __init__(self, limits: ConnectionLimits = LIMITS) -> None:
        self.now = 1000.0
        self.container = RecordingContainer()
        self.written = bytearray()
        self.closed = False
        self.connection = Connection(self.container, self, limits, lambda: self.now)

    def write(self, octets: bytes) -> None:
        self.written += octets

    def close(self) -> None:
        self.closed = True

    def send(self, *frames: Performative, channel: int = 1) -> list[Any]:
        """Sends frames on a channel. Returns the answers."""
        for frame in frames:
            self.connection.receive(encode_frame(channel, frame))
        return self.received()

    def send_transfer(self, transfer: Performative, payload: bytes) -> list[Any]:
        frame = bytearray(encode_frame(1, transfer) + payload)
        frame[0:4] = len(frame).to_bytes(4)
        self.connection.receive(bytes(frame))
        return self.received()

    def received(self) -> list[Any]:
        """The performatives written since the last call, each with its payload if it has one."""
        reader = FrameReader(2**20)
        reader.feed(bytes(self.written))
        self.written.clear()
        answers: list[Any] = []
        while (frame := reader.take_frame()) is not None:
            body = frame[2]
            if not body:
                answers.append(None)
                continue
            performative, payload_at = decode_performative(body)
            answers.append((performative, body[payload_at:]) if body[payload_at:] else performative)
        return answers

    def shake_hands(self) -> Self:
        """Exchanges headers, SASL and open."""
        self.connection.receive(SASL_HEADER + encode_frame(0, SaslInit("ANONYMOUS"), SASL_FRAME) + AMQP_HEADER)
        self.written.clear()
        self.send(Open("peer", max_frame_size=1024), channel=0)
        return self

    def begin(self, window: int = 1000) -> Self:
        """Opens the connection and a session on channel 1."""
        self.shake_hands().send(Begin(next_outgoing_id=0, incoming_window=window, outgoing_window=1000))
        return self

    def attach_sender(self, address: str = "node", handle: int = 0) -> list[Any]:
        return self.send(
            Attach(f"sender-{handle}", handle, target=encode_target(Terminus(address)), initial_delivery_count=0)
        )

    def attach_receiver(self, address: str = "node", handle: int = 0, credit: int = 0) -> list[Any]:
        source = encode_source(Terminus(address))
        answers = self.send(Attach(f"receiver-{handle}", handle, role=True, source=source))
        if credit:
            self.send(self.flow(handle=handle, delivery_count=0, link_credit=credit))
        return answers

    @staticmethod
    def flow(window: int = 1000, **fields: Any) -> Flow:
        return Flow(next_incoming_id=2**30, incoming_window=window, outgoing_window=1000, **fields)
