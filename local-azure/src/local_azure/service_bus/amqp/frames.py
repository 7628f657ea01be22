"""Frames (AMQP 1.0 §2.3). The most frequent ones are packed by hand, for speed."""

import struct

from local_azure.service_bus.amqp.errors import FramingError
from local_azure.service_bus.amqp.performatives import Performative, encode_performative

AMQP_FRAME = 0
SASL_FRAME = 1
HEADER_SIZE = 8
MIN_MAX_FRAME_SIZE = 512

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"

_HEADER = struct.Struct(">IBBH")

# frame header | transfer, list8: size, 6 fields | uint handle | uint delivery-id | vbin8 tag
_TRANSFER_START = struct.Struct(">IBBH 3s BBB BI BI BB")
_DISPOSITION_START = struct.Struct(">IBBH 3s BBB B BI BI B")


class FrameReader:
    """Splits a byte stream into frames. Raises FramingError, also for more than `max_frame_size` bytes."""

    def __init__(self, max_frame_size: int) -> None:
        self._max_frame_size = max_frame_size
        self._buffer = b""
        self._at = 0

    def feed(self, octets: bytes) -> None:
        rest = self._buffer[self._at :]
        self._buffer = rest + octets if rest else octets
        self._at = 0

    def take_header(self) -> bytes | None:
        """The next eight bytes: a protocol header (§2.2). None while there are fewer."""
        at = self._at
        if len(self._buffer) - at < HEADER_SIZE:
            return None
        self._at = at + HEADER_SIZE
        return self._buffer[at : self._at]

    def take_frame(self) -> tuple[int, int, bytes] | None:
        """Type, channel and body of the next frame; None while it is incomplete. An empty body is a heartbeat."""
        buffer, at = self._buffer, self._at
        if len(buffer) - at < HEADER_SIZE:
            return None
        size, offset, kind, channel = _HEADER.unpack_from(buffer, at)
        if size > self._max_frame_size:
            raise FramingError(f"a frame of {size} bytes where {self._max_frame_size} are agreed")
        if offset < 2 or size < 4 * offset:
            raise FramingError(f"a frame of {size} bytes whose body starts at {4 * offset}")
        if len(buffer) - at < size:
            return None
        self._at = at + size
        return kind, channel, buffer[at + 4 * offset : self._at]


def encode_frame(channel: int, performative: Performative, kind: int = AMQP_FRAME) -> bytes:
    body = encode_performative(performative)
    return _HEADER.pack(HEADER_SIZE + len(body), 2, kind, channel) + body


# Bytes that a transfer adds to its payload at most: frame header, performative with a tag of 32 bytes.
TRANSFER_OVERHEAD = 80


def transfer_frame(channel: int, start: tuple[int, int, bytes], payload: bytes, *, settled: bool, more: bool) -> bytes:
    """A transfer with message format 0. `start`: handle, delivery-id and delivery-tag (at most 32 bytes)."""
    handle, delivery_id, tag = start
    tag_size = len(tag)
    fields_size = 1 + 5 + 5 + 2 + tag_size + 1 + 1 + 1
    head = _TRANSFER_START.pack(
        HEADER_SIZE + 5 + fields_size + len(payload),
        2,
        AMQP_FRAME,
        channel,
        b"\x00\x53\x14",
        0xC0,
        fields_size,
        6,
        0x70,
        handle,
        0x70,
        delivery_id,
        0xA0,
        tag_size,
    )
    end = (b"\x43\x41" if settled else b"\x43\x42") + (b"\x41" if more else b"\x42")
    return b"".join((head, tag, end, payload))


MAX_SMALL_STATE = 200  # bytes: a list8 holds less than 256, with the other fields of a disposition


def disposition_frame(channel: int, role: int, ids: tuple[int, int], state: bytes) -> bytes:
    """A settled disposition. `role`: 0x41 receiver, 0x42 sender; `ids`: first and last; `state` is encoded."""
    if len(state) > MAX_SMALL_STATE:
        body = _large_disposition(role, ids, state)
        return _HEADER.pack(HEADER_SIZE + len(body), 2, AMQP_FRAME, channel) + body
    fields_size = 1 + 1 + 5 + 5 + 1 + len(state)
    return (
        _DISPOSITION_START.pack(
            HEADER_SIZE + 5 + fields_size,
            2,
            AMQP_FRAME,
            channel,
            b"\x00\x53\x15",
            0xC0,
            fields_size,
            5,
            role,
            0x70,
            ids[0],
            0x70,
            ids[1],
            0x41,
        )
        + state
    )


def _large_disposition(role: int, ids: tuple[int, int], state: bytes) -> bytes:
    fields = struct.pack(">BBIBIB", role, 0x70, ids[0], 0x70, ids[1], 0x41) + state
    return b"\x00\x53\x15\xd0" + struct.pack(">II", len(fields) + 4, 5) + fields
