"""AMQP 1.0 types without an equivalent in Python (AMQP 1.0 §1.6).

Decoding returns `int`, `float`, `str`, `bytes`, `bool`, `list`, `dict`, `UUID` and `None`, and of these classes only
`Symbol`, `Timestamp` and `Described`. Encoding uses the width of the class; a plain `int` is a long.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Symbol(str):
    """Symbolic value from a constrained domain, ASCII."""

    __slots__ = ()


class UByte(int):
    """0 to 2^8-1."""

    __slots__ = ()


class UShort(int):
    """0 to 2^16-1."""

    __slots__ = ()


class UInt(int):
    """0 to 2^32-1."""

    __slots__ = ()


class ULong(int):
    """0 to 2^64-1."""

    __slots__ = ()


class Int(int):
    """-2^31 to 2^31-1."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()


class Array(list[Any]):
    """Values of one AMQP type."""

    __slots__ = ()

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(items)


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor: a `Symbol` or an `int`."""

    descriptor: Any
    value: Any
