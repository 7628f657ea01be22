"""Values as bytes that sort like ORDER BY: by type, then by value. An index of SQLite holds them.

SQLite itself would take true for 1, null for a missing property, and a text to end at its first NUL.
"""

import struct
from collections.abc import Mapping
from typing import Any

from local_azure.cosmos.limits import MAX_EXACT_INTEGER

# The types in the order of the query language; the next mark is above every value of a type.
UNDEFINED = b"\x00"
NULL, _FALSE, _TRUE, _NUMBER, _STRING, _ARRAY, _OBJECT, _END = (bytes((mark,)) for mark in range(1, 9))
_RANGES = {
    type(None): (NULL, _FALSE),
    bool: (_FALSE, _NUMBER),
    int: (_NUMBER, _STRING),
    float: (_NUMBER, _STRING),
    str: (_STRING, _ARRAY),
    list: (_ARRAY, _OBJECT),
    dict: (_OBJECT, _END),
}
_pack = struct.Struct(">d").pack
_ALL_BITS = (1 << 64) - 1


def encode(value: Any) -> bytes:
    """The key of a JSON value. Arrays and objects have no order: all of a type have the same key."""
    if isinstance(value, str):
        # Half a surrogate pair has a code point too. UTF-8 sorts by code point.
        return _STRING + value.encode("utf-8", "surrogatepass")
    if value is None:
        return NULL
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int | float):
        return _NUMBER + _number(value)
    return _ARRAY if isinstance(value, list) else _OBJECT


def of_path(item: Mapping[str, Any], path: tuple[str, ...]) -> bytes:
    """The key of a property; UNDEFINED if the item lacks it."""
    value: Any = item
    for name in path:
        if type(value) is not dict or name not in value:
            return UNDEFINED
        value = value[name]
    return encode(value)


def bounds_of_type(value: Any) -> tuple[bytes, bytes]:
    """The first key of the type of `value`, and the first of the next type."""
    return _RANGES[type(value)]


def is_exact(value: object) -> bool:
    """Whether no different value has the same key."""
    if isinstance(value, int | float):
        # An integer beyond that may be stored, and has the key of the nearest double.
        return abs(value) < MAX_EXACT_INTEGER
    return isinstance(value, str) or value is None


def _number(value: float) -> bytes:
    """The bits of the double, with the sign changed so that they sort like the numbers. Zero has no sign."""
    try:
        double = float(value) + 0.0
    except OverflowError:
        double = float("inf") if value > 0 else float("-inf")
    bits = int.from_bytes(_pack(double))
    return (bits ^ (_ALL_BITS if bits >> 63 else 1 << 63)).to_bytes(8)
