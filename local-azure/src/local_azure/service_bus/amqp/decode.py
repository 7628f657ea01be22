"""Decoding of AMQP 1.0 values (§1.6).

Every function takes a buffer and a position and returns the value there and the position after it.
"""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from local_azure.service_bus.amqp.errors import DecodeError
from local_azure.service_bus.amqp.types import Described, Symbol, Timestamp

type Decoder = Callable[[bytes, int], tuple[Any, int]]

# Elements without content cost their sender nothing, but would cost us a list of any length.
MAX_ZERO_WIDTH_ELEMENTS = 4096

_unpack_u16 = struct.Struct(">H").unpack_from
_unpack_u32 = struct.Struct(">I").unpack_from

# Raised for: reading beyond the end, an unknown constructor, bad UTF-8, an unhashable map key, endless nesting.
MALFORMED = (IndexError, KeyError, struct.error, ValueError, TypeError, RecursionError)


def decode_value(buffer: bytes, at: int = 0) -> tuple[Any, int]:
    """The value at `at`, and the position after it. Raises DecodeError."""
    try:
        return _decode(buffer, at)
    except MALFORMED as error:
        raise DecodeError(f"malformed value at byte {at}: {error or type(error).__name__}") from None


def skip_value(buffer: bytes, at: int) -> int:
    """The position after the value at `at`, without decoding it. Raises DecodeError."""
    try:
        constructor = buffer[at]
        while constructor == 0x00:
            at = skip_value(buffer, at + 1)
            constructor = buffer[at]
        end = at + 1 + _body_size(buffer, at + 1, constructor >> 4)
    except (IndexError, KeyError, struct.error, RecursionError) as error:
        raise DecodeError(f"malformed value at byte {at}: {error or type(error).__name__}") from None
    if end > len(buffer):
        raise DecodeError(f"value at byte {at} reaches beyond the end")
    return end


_FIXED_SIZES = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def _body_size(buffer: bytes, at: int, category: int) -> int:
    """Bytes after the constructor. Its upper four bits determine how the size is encoded (§1.2)."""
    if category >= 0xA:
        return 1 + buffer[at] if category % 2 == 0 else 4 + int(_unpack_u32(buffer, at)[0])
    return _FIXED_SIZES[category]


def _decode(buffer: bytes, at: int) -> tuple[Any, int]:
    return _DECODERS[buffer[at]](buffer, at + 1)


def _constant(value: Any) -> Decoder:
    return lambda _buffer, at: (value, at)


def _empty_list(_buffer: bytes, at: int) -> tuple[list[Any], int]:
    return [], at


def _fixed(layout: str) -> Decoder:
    packed = struct.Struct(layout)
    unpack, size = packed.unpack_from, packed.size
    return lambda buffer, at: (unpack(buffer, at)[0], at + size)


def _octet(buffer: bytes, at: int) -> tuple[int, int]:
    return buffer[at], at + 1


def _boolean(buffer: bytes, at: int) -> tuple[bool, int]:
    return buffer[at] == 1, at + 1


def _timestamp(buffer: bytes, at: int) -> tuple[Timestamp, int]:
    return Timestamp(int.from_bytes(_exactly(buffer, at, at + 8), signed=True)), at + 8


def _char(buffer: bytes, at: int) -> tuple[str, int]:
    return chr(_unpack_u32(buffer, at)[0]), at + 4


def _opaque(size: int) -> Decoder:
    """A decimal number, kept as bytes: nothing here computes with it."""
    return lambda buffer, at: (_exactly(buffer, at, at + size), at + size)


def _uuid(buffer: bytes, at: int) -> tuple[UUID, int]:
    return UUID(bytes=_exactly(buffer, at, at + 16)), at + 16


def _exactly(buffer: bytes, start: int, end: int) -> bytes:
    if end > len(buffer):
        raise IndexError("reaches beyond the end")
    return buffer[start:end]


def _variable(width: int, convert: Callable[[bytes], Any] | None) -> Decoder:
    def decode(buffer: bytes, at: int) -> tuple[Any, int]:
        start = at + width
        end = start + (buffer[at] if width == 1 else _unpack_u32(buffer, at)[0])
        octets = _exactly(buffer, start, end)
        return (octets if convert is None else convert(octets)), end

    return decode


def _text(octets: bytes) -> str:
    return octets.decode()


def _symbol(octets: bytes) -> Symbol:
    return Symbol(octets.decode("ascii"))


def _list(width: int) -> Decoder:
    def decode(buffer: bytes, at: int) -> tuple[list[Any], int]:
        end, count, at = _compound(buffer, at, width)
        items = []
        for _ in range(count):
            item, at = _DECODERS[buffer[at]](buffer, at + 1)
            items.append(item)
        _require_end(at, end)
        return items, end

    return decode


def _map(width: int) -> Decoder:
    def decode(buffer: bytes, at: int) -> tuple[dict[Any, Any], int]:
        end, count, at = _compound(buffer, at, width)
        if count % 2:
            raise ValueError("a map with a key that has no value")
        items = {}
        for _ in range(count // 2):
            key, at = _DECODERS[buffer[at]](buffer, at + 1)
            items[key], at = _DECODERS[buffer[at]](buffer, at + 1)
        _require_end(at, end)
        return items, end

    return decode


def _array(width: int) -> Decoder:
    def decode(buffer: bytes, at: int) -> tuple[list[Any], int]:
        end, count, at = _compound(buffer, at, width)
        if count == 0 and at == end:
            return [], end
        descriptor = None
        described = buffer[at] == 0x00
        if described:
            descriptor, at = _decode(buffer, at + 1)
        decoder = _DECODERS[buffer[at]]
        if buffer[at] < 0x50 and count > MAX_ZERO_WIDTH_ELEMENTS:
            raise ValueError(f"an array of {count} elements without content")
        at += 1
        items = []
        for _ in range(count):
            item, at = decoder(buffer, at)
            items.append(Described(descriptor, item) if described else item)
        _require_end(at, end)
        return items, end

    return decode


def _compound(buffer: bytes, at: int, width: int) -> tuple[int, int, int]:
    """End, number of elements, and start of the elements of a list, map or array."""
    if width == 1:
        end, count, start = at + 1 + buffer[at], buffer[at + 1], at + 2
    else:
        end, count, start = at + 4 + _unpack_u32(buffer, at)[0], _unpack_u32(buffer, at + 4)[0], at + 8
    if end > len(buffer) or end < start:
        raise IndexError("size does not fit the content")
    return end, count, start


def _require_end(at: int, end: int) -> None:
    if at != end:
        raise ValueError("size does not fit the content")


def _described(buffer: bytes, at: int) -> tuple[Described, int]:
    descriptor, at = _decode(buffer, at)
    value, at = _decode(buffer, at)
    return Described(descriptor, value), at


def _unknown(_buffer: bytes, at: int) -> tuple[Any, int]:
    raise ValueError(f"unknown constructor before byte {at}")


_BY_CONSTRUCTOR: dict[int, Decoder] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: _empty_list,
    0x50: _octet,
    0x51: _fixed(">b"),
    0x52: _octet,
    0x53: _octet,
    0x54: _fixed(">b"),
    0x55: _fixed(">b"),
    0x56: _boolean,
    0x60: _fixed(">H"),
    0x61: _fixed(">h"),
    0x70: _fixed(">I"),
    0x71: _fixed(">i"),
    0x72: _fixed(">f"),
    0x73: _char,
    0x74: _opaque(4),
    0x80: _fixed(">Q"),
    0x81: _fixed(">q"),
    0x82: _fixed(">d"),
    0x83: _timestamp,
    0x84: _opaque(8),
    0x94: _opaque(16),
    0x98: _uuid,
    0xA0: _variable(1, None),
    0xA1: _variable(1, _text),
    0xA3: _variable(1, _symbol),
    0xB0: _variable(4, None),
    0xB1: _variable(4, _text),
    0xB3: _variable(4, _symbol),
    0xC0: _list(1),
    0xC1: _map(1),
    0xD0: _list(4),
    0xD1: _map(4),
    0xE0: _array(1),
    0xF0: _array(4),
}
_DECODERS: list[Decoder] = [_BY_CONSTRUCTOR.get(constructor, _unknown) for constructor in range(256)]
