"""The encoding of messages (AMQP 1.0 §3.2).

Properties, application properties, body and footer are stored and delivered as the bytes that were sent. The broker
reads some entries of header and message annotations, and writes its own when it delivers.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from local_azure.service_bus.amqp.decode import decode_value, skip_value
from local_azure.service_bus.amqp.encode import NULL, encode_map, encode_value
from local_azure.service_bus.amqp.errors import DecodeError
from local_azure.service_bus.amqp.types import Described, Symbol, UByte, ULong
from local_azure.service_bus.errors import MalformedMessage

BATCH_FORMAT = 0x80013700  # a message whose data sections are messages
SINGLE_FORMAT = 0

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = 0x73, 0x74, 0x75, 0x76, 0x77, 0x78

SCHEDULED_ENQUEUE_TIME = "x-opt-scheduled-enqueue-time"
_WRITTEN_BY_THE_BROKER = frozenset(
    ("x-opt-sequence-number", "x-opt-enqueued-time", "x-opt-locked-until", "x-opt-message-state")
)
_MAX_ANNOTATIONS = 100  # their number is stored in one byte, and the broker adds its own


class State(IntEnum):
    """The values of x-opt-message-state."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class Properties(NamedTuple):
    """The properties section (AMQP 1.0 §3.2.4)."""

    message_id: str | UUID | int | bytes | None = None
    user_id: bytes | None = None
    to: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: str | UUID | int | bytes | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    absolute_expiry_time: int | None = None
    creation_time: int | None = None
    group_id: str | None = None
    group_sequence: int | None = None
    reply_to_group_id: str | None = None


@dataclass(slots=True)
class Message:
    """A message in a queue. Times in milliseconds; `content` is None while it is only in the store."""

    sequence_number: int
    state: State
    delivery_count: int
    enqueued_at: int
    time_to_live: int | None
    header: bytes
    annotations: bytes
    content: bytes | None

    @property
    def expires_at(self) -> int | None:
        return None if self.time_to_live is None else self.enqueued_at + self.time_to_live


@dataclass(slots=True)
class IncomingMessage:
    """A message as it was sent.

    `header`: durable and priority, encoded. `annotations`: one byte with their number, and the encoded pairs.
    """

    properties: Properties
    time_to_live: int | None
    scheduled_at: int | None
    header: bytes
    annotations: bytes
    content: bytes
    size: int

    @property
    def duplicate_key(self) -> str | None:
        """The message id for duplicate detection, distinct for ids of different types; None without an id."""
        message_id = self.properties.message_id
        return message_id if isinstance(message_id, str | None) else f"\0{type(message_id).__name__}\0{message_id!s}"

    def application_properties(self) -> dict[str, Any]:
        """Decoded on demand: only some filters need them. Raises MalformedMessage."""
        try:
            for code, _, value_at, _ in sections(self.content):
                if code == APPLICATION_PROPERTIES:
                    decoded, _ = decode_value(self.content, value_at)
                    return decoded if isinstance(decoded, dict) else {}
        except DecodeError as error:
            raise MalformedMessage(error.description) from error
        return {}


def sections(payload: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Code, start, start of the value, and end of each section. Raises DecodeError."""
    at, last = 0, 0
    while at < len(payload):
        if payload[at : at + 2] == b"\x00\x53" and at + 2 < len(payload):
            code, value_at = payload[at + 2], at + 3
        elif payload[at] == 0x00:
            descriptor, value_at = decode_value(payload, at + 1)
            code = _SECTION_NAMES.get(descriptor, 0) if isinstance(descriptor, str) else descriptor
        else:
            raise DecodeError(f"byte {at} is not the start of a section")
        if not isinstance(code, int) or not HEADER <= code <= FOOTER or code < last:
            raise DecodeError(f"a section {code!r} where it is not allowed")
        end = skip_value(payload, value_at)
        yield code, at, value_at, end
        at, last = end, code


_SECTION_NAMES = {
    "amqp:header:list": HEADER,
    "amqp:delivery-annotations:map": DELIVERY_ANNOTATIONS,
    "amqp:message-annotations:map": MESSAGE_ANNOTATIONS,
    "amqp:properties:list": PROPERTIES,
    "amqp:application-properties:map": APPLICATION_PROPERTIES,
    "amqp:data:binary": DATA,
    "amqp:amqp-sequence:list": SEQUENCE,
    "amqp:amqp-value:*": VALUE,
    "amqp:footer:map": FOOTER,
}


def split_batch(payload: bytes) -> list[bytes]:
    """The encoded messages in an envelope of BATCH_FORMAT. Raises MalformedMessage."""
    try:
        return _split_batch(payload)
    except DecodeError as error:
        raise _unreadable(error) from error


def _split_batch(payload: bytes) -> list[bytes]:
    messages = []
    for code, _, value_at, _ in sections(payload):
        if code == DATA:
            message, _ = decode_value(payload, value_at)
            if not isinstance(message, bytes):
                raise DecodeError("a data section that is not binary")
            messages.append(message)
    return messages


def read_message(payload: bytes) -> IncomingMessage:
    """Decodes a message that was sent. Raises MalformedMessage."""
    try:
        return _read_message(payload)
    except DecodeError as error:
        raise _unreadable(error) from error


def _unreadable(error: DecodeError) -> MalformedMessage:
    return MalformedMessage(f"The message cannot be read: {error.description}.")


def _read_message(payload: bytes) -> IncomingMessage:
    header: list[Any] = []
    annotations: dict[Any, Any] = {}
    raw_annotations = b""
    properties = Properties()
    content_at = len(payload)
    for code, start, value_at, _ in sections(payload):
        if code >= PROPERTIES:
            content_at = min(content_at, start)
            if code == PROPERTIES:
                properties = _properties(_typed(decode_value(payload, value_at)[0], list))
        elif code == HEADER:
            header = _typed(decode_value(payload, value_at)[0], list)
        elif code == MESSAGE_ANNOTATIONS:
            annotations = _typed(decode_value(payload, value_at)[0], dict)
            raw_annotations = _own_annotations(payload, value_at)
    durable, priority, time_to_live, *_ = [*header, None, None, None]
    return IncomingMessage(
        properties=properties,
        time_to_live=time_to_live if isinstance(time_to_live, int) else None,
        scheduled_at=_typed_or_none(annotations.get(SCHEDULED_ENQUEUE_TIME), int),
        header=b"" if durable is None and priority is None else _header_start(durable, priority),
        annotations=raw_annotations,
        content=payload[content_at:] if content_at else payload,
        size=len(payload),
    )


def _properties(fields: list[Any]) -> Properties:
    if len(fields) > len(Properties._fields):
        raise DecodeError(f"properties with {len(fields)} fields")
    return Properties(*fields)


def _typed[T](value: Any, expected: type[T]) -> T:
    if not isinstance(value, expected):
        raise DecodeError(f"a section that is no {expected.__name__}")
    return value


def _typed_or_none[T](value: Any, expected: type[T]) -> T | None:
    return value if isinstance(value, expected) else None


def _header_start(durable: Any, priority: Any) -> bytes:
    return (NULL if durable is None else encode_value(bool(durable))) + (
        encode_value(UByte(priority)) if isinstance(priority, int) else NULL
    )


def _entries(payload: bytes, map_at: int) -> Iterator[tuple[Any, bytes]]:
    """Each key of an encoded map, decoded, and the bytes of key and value."""
    small = payload[map_at] == 0xC1
    count = payload[map_at + 2] if small else struct.unpack_from(">I", payload, map_at + 5)[0]
    at = map_at + (3 if small else 9)
    for _ in range(count // 2):
        key, value_at = decode_value(payload, at)
        end = skip_value(payload, value_at)
        yield key, payload[at:end]
        at = end


def _own_annotations(payload: bytes, map_at: int) -> bytes:
    """The sender's annotations: one byte with their number, and the pairs; empty without any."""
    kept = [pair for key, pair in _entries(payload, map_at) if key not in _WRITTEN_BY_THE_BROKER]
    if len(kept) > _MAX_ANNOTATIONS:
        raise DecodeError(f"{len(kept)} message annotations, where {_MAX_ANNOTATIONS} are allowed")
    return bytes((len(kept),)) + b"".join(kept) if kept else b""


_SEQUENCE_NUMBER = encode_value(Symbol("x-opt-sequence-number")) + b"\x81"
_ENQUEUED_TIME = encode_value(Symbol("x-opt-enqueued-time")) + b"\x83"
_LOCKED_UNTIL = encode_value(Symbol("x-opt-locked-until")) + b"\x83"
_MESSAGE_STATE = encode_value(Symbol("x-opt-message-state")) + b"\x71"
_pack_stamps = struct.Struct(f">{len(_SEQUENCE_NUMBER)}sq{len(_ENQUEUED_TIME)}sq").pack
_pack_lock = struct.Struct(f">{len(_LOCKED_UNTIL)}sq").pack
_pack_state = struct.Struct(f">{len(_MESSAGE_STATE)}si").pack
_pack_counts = struct.Struct(">BIBBI").pack
_UINT_MAX = 2**32 - 1


def write_message(message: Message, locked_until: int | None = None, *, with_state: bool = False) -> bytes:
    """Encodes a message for a receiver. `locked_until` in milliseconds, if the receiver has a lock."""
    time_to_live = message.time_to_live
    if time_to_live is None:
        counts = b"\x40\x40\x70" + message.delivery_count.to_bytes(4)
    else:
        counts = _pack_counts(0x70, min(time_to_live, _UINT_MAX), 0x40, 0x70, message.delivery_count)
    header = (message.header or b"\x40\x40") + counts
    pairs = _pack_stamps(_SEQUENCE_NUMBER, message.sequence_number, _ENQUEUED_TIME, message.enqueued_at)
    count = 2
    if locked_until is not None:
        pairs += _pack_lock(_LOCKED_UNTIL, locked_until)
        count += 1
    if with_state:
        pairs += _pack_state(_MESSAGE_STATE, message.state)
        count += 1
    if message.annotations:
        pairs += message.annotations[1:]
        count += message.annotations[0]
    head = b"\x00\x53\x70\xc0" + bytes((len(header) + 1, 5)) + header + b"\x00\x53\x72"
    return b"".join((head, encode_map(pairs, 2 * count), message.content or b""))


def with_dead_letter_reason(content: bytes, reason: str | None, description: str | None) -> bytes:
    """`content` with DeadLetterReason and DeadLetterErrorDescription among its application properties.

    Raises MalformedMessage.
    """
    try:
        return _with_dead_letter_reason(content, reason, description)
    except DecodeError as error:
        raise MalformedMessage(error.description) from error


def _with_dead_letter_reason(content: bytes, reason: str | None, description: str | None) -> bytes:
    added = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
    pairs = [encode_value(key) + encode_value(text) for key, text in added.items() if text is not None]
    before, after = b"", content
    for code, start, value_at, end in sections(content):
        if code == PROPERTIES:
            before, after = content[:end], content[end:]
        elif code == APPLICATION_PROPERTIES:
            kept = [pair for key, pair in _entries(content, value_at) if key not in added]
            before, after, pairs = content[:start], content[end:], kept + pairs
    if not pairs:
        return content
    return before + b"\x00\x53\x74" + encode_map(b"".join(pairs), 2 * len(pairs)) + after


def write_response(correlation_id: Any, properties: dict[str, Any], body: Any) -> bytes:
    """The answer of a request/response node. `correlation_id`: the message id of the request."""
    if isinstance(correlation_id, int):
        correlation_id = ULong(correlation_id)
    return b"".join(
        (
            encode_value(Described(ULong(PROPERTIES), [None, None, None, None, None, correlation_id])),
            encode_value(Described(ULong(APPLICATION_PROPERTIES), properties)),
            encode_value(Described(ULong(VALUE), body)),
        )
    )
