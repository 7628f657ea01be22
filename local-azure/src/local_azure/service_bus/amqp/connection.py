"""One connection: protocol headers, SASL, open, sessions, idle time-out, close (AMQP 1.0 §2.2, §2.4, §5.3)."""

import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from local_azure.service_bus.amqp.errors import (
    CONNECTION_FORCED,
    INVALID_FIELD,
    NOT_ALLOWED,
    AmqpError,
    DecodeError,
    FramingError,
)
from local_azure.service_bus.amqp.frames import (
    AMQP_FRAME,
    AMQP_HEADER,
    EMPTY_FRAME,
    MIN_MAX_FRAME_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
    encode_frame,
)
from local_azure.service_bus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
    decode_error,
    decode_performative,
    encode_error,
)
from local_azure.service_bus.amqp.session import Container, Session
from local_azure.service_bus.amqp.types import Array, Symbol

log = logging.getLogger(__name__)

SASL_MECHANISMS = ("ANONYMOUS", "EXTERNAL", "MSSBCBS", "PLAIN")  # credentials are not checked
SASL_OK, SASL_AUTHENTICATION_FAILED = 0, 1
CLOSE_TIMEOUT = 5.0  # seconds for the peer to answer a close


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Sizes in bytes. `idle_timeout` in seconds; half of it is announced to the peer (§2.4.5)."""

    container_id: str
    max_frame_size: int
    max_message_size: int
    channel_max: int
    idle_timeout: float


class Wire(Protocol):
    """The byte stream below a connection."""

    def write(self, octets: bytes) -> None: ...

    def close(self) -> None:
        """Closes the stream after everything written is sent."""


class _State(enum.Enum):
    START = enum.auto()
    SASL = enum.auto()
    AUTHENTICATED = enum.auto()
    OPENING = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()


class Connection:
    """Gets the peer's bytes through `receive`, and answers on `wire`. `now`: a monotonic clock in seconds."""

    def __init__(self, container: Container, wire: Wire, limits: ConnectionLimits, now: Callable[[], float]) -> None:
        self.container = container
        self.max_message_size = limits.max_message_size
        self._limits = limits
        self.remote_max_frame_size = MIN_MAX_FRAME_SIZE
        self.writable = True
        self._wire = wire
        self._now = now
        self._reader = FrameReader(limits.max_frame_size)
        self._state = _State.START
        self._sessions: dict[int, Session] = {}
        self._ended_channels: set[int] = set()
        self._remote_idle_timeout = 0.0
        self._last_received = self._last_written = now()

    def receive(self, octets: bytes) -> None:
        """Processes bytes of the stream. Closes this connection where they are wrong."""
        self._last_received = self._now()
        try:
            self._reader.feed(octets)
            while self._step():
                pass
        except AmqpError as error:
            log.warning("connection closed: %s", error)
            self.close(error)

    def _step(self) -> bool:
        """Processes one header or frame. False: more bytes are needed."""
        if self._state in (_State.START, _State.AUTHENTICATED):
            header = self._reader.take_header()
            if header is not None:
                self._on_header(header)
            return header is not None
        if self._state is _State.CLOSED:
            return False
        frame = self._reader.take_frame()
        if frame is None:
            return False
        kind, channel, body = frame
        if kind != (SASL_FRAME if self._state is _State.SASL else AMQP_FRAME):
            raise FramingError(f"a frame of type {kind} where it is not allowed")
        if body:
            performative, payload_at = decode_performative(body)
            self._on_performative(channel, performative, body, payload_at)
        return True

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER and self._state is _State.START:
            self._state = _State.SASL
            self.write(SASL_HEADER)
            mechanisms = SaslMechanisms(Array(Symbol(mechanism) for mechanism in SASL_MECHANISMS))
            self.write(encode_frame(0, mechanisms, SASL_FRAME))
        elif header == AMQP_HEADER:
            self._state = _State.OPENING
            self.write(AMQP_HEADER)
        else:
            self.write(SASL_HEADER if self._state is _State.START else AMQP_HEADER)
            self._drop()

    def _on_performative(self, channel: int, performative: Any, body: bytes, payload_at: int) -> None:
        if self._state is _State.OPEN:
            self._on_open_state(channel, performative, body, payload_at)
        elif self._state is _State.OPENING and isinstance(performative, Open):
            self._on_open(performative)
        elif self._state is _State.SASL and isinstance(performative, SaslInit):
            self._on_sasl_init(performative)
        elif self._state is _State.CLOSING:
            if isinstance(performative, Close):
                self._drop()
        else:
            raise AmqpError(NOT_ALLOWED, f"{type(performative).__name__.lower()} before the connection is open")

    def _on_sasl_init(self, init: SaslInit) -> None:
        supported = init.mechanism in SASL_MECHANISMS
        self.write(encode_frame(0, SaslOutcome(SASL_OK if supported else SASL_AUTHENTICATION_FAILED), SASL_FRAME))
        if supported:
            self._state = _State.AUTHENTICATED
        else:
            self._drop()

    def _on_open(self, peer: Open) -> None:
        self._send_open()
        self._state = _State.OPEN
        if peer.max_frame_size < MIN_MAX_FRAME_SIZE:
            raise AmqpError(INVALID_FIELD, f"open: max-frame-size is below {MIN_MAX_FRAME_SIZE}")
        self.remote_max_frame_size = peer.max_frame_size
        self._remote_idle_timeout = (peer.idle_time_out or 0) / 1000

    def _send_open(self) -> None:
        limits = self._limits
        self.send(
            0,
            Open(
                container_id=limits.container_id,
                max_frame_size=limits.max_frame_size,
                channel_max=limits.channel_max,
                idle_time_out=int(limits.idle_timeout / 2 * 1000),
            ),
        )

    def _on_open_state(self, channel: int, performative: Any, body: bytes, payload_at: int) -> None:
        if isinstance(performative, Close):
            self._on_close(performative)
            return
        session = self._sessions.get(channel)
        if session is None:
            self._on_unmapped(channel, performative)
        elif isinstance(performative, Transfer):
            session.on_transfer(performative, body[payload_at:])
        elif isinstance(performative, Disposition):
            session.on_disposition(performative)
        elif isinstance(performative, Flow):
            session.on_flow(performative)
        elif isinstance(performative, Attach):
            session.on_attach(performative)
        elif isinstance(performative, Detach):
            session.on_detach(performative)
        elif isinstance(performative, End):
            session.on_end()
        else:
            raise AmqpError(NOT_ALLOWED, f"{type(performative).__name__.lower()} in an open session")
        if session is not None and session.ended:
            del self._sessions[channel]
            self._ended_channels.add(channel)

    def _on_unmapped(self, channel: int, performative: Any) -> None:
        """Begins a session. Ignores frames that the peer sent before our end arrived, or after its own end.

        azure-servicebus sends a detach after its end.
        """
        if isinstance(performative, Begin):
            if channel > self._limits.channel_max:
                raise AmqpError(NOT_ALLOWED, f"begin on channel {channel}: the highest is {self._limits.channel_max}")
            self._ended_channels.discard(channel)
            session = self._sessions[channel] = Session(self, channel, performative)
            self.send(channel, session.begin_reply())
        elif channel not in self._ended_channels:
            raise AmqpError(NOT_ALLOWED, f"{type(performative).__name__.lower()} on channel {channel} before a begin")

    def _on_close(self, close: Close) -> None:
        error = decode_error(close.error)
        if error is not None:
            log.info("the peer closes the connection: %s", error)
        self.send(0, Close())
        self._drop()

    def close(self, error: AmqpError) -> None:
        """Closes the connection with an error (§2.4.3)."""
        if self._state in (_State.CLOSING, _State.CLOSED):
            return
        if self._state is _State.OPENING:
            self._send_open()
        if self._state not in (_State.OPENING, _State.OPEN) or isinstance(error, FramingError | DecodeError):
            if self._state in (_State.OPENING, _State.OPEN):
                self.send(0, Close(encode_error(error)))
            self._drop()
            return
        self.send(0, Close(encode_error(error)))
        self._state = _State.CLOSING
        self._last_received = self._now()
        self._end_sessions()

    def lost(self) -> None:
        """Ends all sessions after the stream was closed."""
        self._state = _State.CLOSED
        self._end_sessions()

    def _drop(self) -> None:
        self.lost()
        self._wire.close()

    def _end_sessions(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()

    def tick(self) -> None:
        """Enforces the idle time-outs of both sides. Call it about once a second."""
        now = self._now()
        if self._state is _State.CLOSING and now - self._last_received > CLOSE_TIMEOUT:
            self._drop()
        elif now - self._last_received > self._limits.idle_timeout:
            self.close(AmqpError(CONNECTION_FORCED, f"nothing was received for {self._limits.idle_timeout:g} s"))
        elif self._remote_idle_timeout and now - self._last_written >= self._remote_idle_timeout / 2:
            self.write(EMPTY_FRAME)

    def set_writable(self, writable: bool) -> None:
        """Stops the sending of messages while the stream has too many unsent bytes."""
        self.writable = writable
        if writable:
            for session in list(self._sessions.values()):
                session.resume()

    def send(self, channel: int, performative: Performative) -> None:
        self.write(encode_frame(channel, performative))

    def write(self, octets: bytes) -> None:
        if self._state is not _State.CLOSED:
            self._last_written = self._now()
            self._wire.write(octets)
