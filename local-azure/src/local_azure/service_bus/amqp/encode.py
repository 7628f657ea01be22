"""Encoding of AMQP 1.0 values in their smallest form (§1.6)."""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from local_azure.service_bus.amqp.types import (
    Array,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

type Encoder = Callable[[Any], bytes]

NULL = b"\x40"
TRUE = b"\x41"
FALSE = b"\x42"

_pack_u32 = struct.Struct(">I").pack
_pack_i64 = struct.Struct(">q").pack


def encode_value(value: Any) -> bytes:
    """`value` with its constructor. Raises TypeError for a type without an AMQP encoding."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"{type(value).__name__} has no AMQP encoding")
    return encoder(value)


def encode_list(items: list[bytes]) -> bytes:
    """A list of values that are encoded already."""
    if not items:
        return b"\x45"
    return _compound(0xC0, 0xD0, len(items), b"".join(items))


def encode_map(entries: bytes, count: int) -> bytes:
    """A map of keys and values that are encoded already. `count`: keys plus values."""
    return _compound(0xC1, 0xD1, count, entries)


def encode_binary(octets: bytes) -> bytes:
    """`octets` as an AMQP binary."""
    return _variable(0xA0, octets)


def _variable(small: int, octets: bytes) -> bytes:
    size = len(octets)
    if size < 256:
        return bytes((small, size)) + octets
    return bytes((small + 0x10,)) + _pack_u32(size) + octets


def _compound(small: int, large: int, count: int, body: bytes) -> bytes:
    size = len(body)
    if size < 255 and count < 256:
        return bytes((small, size + 1, count)) + body
    return bytes((large,)) + _pack_u32(size + 4) + _pack_u32(count) + body


def _uint(value: int) -> bytes:
    if value < 256:
        return bytes((0x52, value)) if value else b"\x43"
    return b"\x70" + _pack_u32(value)


def _ulong(value: int) -> bytes:
    if value < 256:
        return bytes((0x53, value)) if value else b"\x44"
    return b"\x80" + value.to_bytes(8)


def _int(value: int) -> bytes:
    if -128 <= value < 128:
        return b"\x54" + value.to_bytes(1, signed=True)
    return b"\x71" + value.to_bytes(4, signed=True)


def _long(value: int) -> bytes:
    if -128 <= value < 128:
        return b"\x55" + value.to_bytes(1, signed=True)
    return b"\x81" + _pack_i64(value)


def _list(items: list[Any]) -> bytes:
    return encode_list([encode_value(item) for item in items])


def _map(items: dict[Any, Any]) -> bytes:
    entries = b"".join(encode_value(key) + encode_value(value) for key, value in items.items())
    return encode_map(entries, 2 * len(items))


def _described(value: Described) -> bytes:
    return b"\x00" + encode_value(value.descriptor) + encode_value(value.value)


def _array(items: list[Any]) -> bytes:
    """All elements share one constructor, so each has the widest form of its type."""
    if not items:
        return b"\xe0\x01\x00"  # no constructor: azure-servicebus neither writes nor reads one for an empty array
    kinds = {type(item) for item in items}
    if len(kinds) > 1:
        raise TypeError("an AMQP array holds values of one type")
    constructor, encode_body = _ARRAY_ELEMENTS[kinds.pop()]
    body = bytes((constructor,)) + b"".join(encode_body(item) for item in items)
    return _compound(0xE0, 0xF0, len(items), body)


def _sized(octets: bytes) -> bytes:
    return _pack_u32(len(octets)) + octets


_ARRAY_ELEMENTS: dict[type, tuple[int, Encoder]] = {
    bytes: (0xB0, _sized),
    str: (0xB1, lambda value: _sized(value.encode())),
    Symbol: (0xB3, lambda value: _sized(value.encode("ascii"))),
    int: (0x81, _pack_i64),
    Int: (0x71, struct.Struct(">i").pack),
    UInt: (0x70, _pack_u32),
    ULong: (0x80, struct.Struct(">Q").pack),
    Timestamp: (0x83, _pack_i64),
    UUID: (0x98, lambda value: value.bytes),
}

_ENCODERS: dict[type, Encoder] = {
    type(None): lambda _value: NULL,
    bool: lambda value: TRUE if value else FALSE,
    int: _long,
    float: lambda value: b"\x82" + struct.pack(">d", value),
    str: lambda value: _variable(0xA1, value.encode()),
    bytes: encode_binary,
    UUID: lambda value: b"\x98" + value.bytes,
    list: _list,
    dict: _map,
    Symbol: lambda value: _variable(0xA3, value.encode("ascii")),
    UByte: lambda value: bytes((0x50, value)),
    UShort: lambda value: b"\x60" + value.to_bytes(2),
    UInt: _uint,
    ULong: _ulong,
    Int: _int,
    Timestamp: lambda value: b"\x83" + _pack_i64(value),
    Array: _array,
    Described: _described,
}
