"""The operators. A value of the wrong type gives undefined; true, false and undefined form a three-valued logic."""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local_azure.cosmos.limits import MAX_EXACT_INTEGER
from local_azure.cosmos.query.values import UNDEFINED, compare, equal, is_number

_WORD = 0xFFFF_FFFF


def is_equal(left: Any, right: Any) -> Any:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return equal(left, right)


def is_not_equal(left: Any, right: Any) -> Any:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return not equal(left, right)


def _ordering(test: Callable[[int], bool]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        order = compare(left, right)
        return UNDEFINED if order is None else test(order)

    return evaluate


is_at_least = _ordering(lambda order: order >= 0)
is_at_most = _ordering(lambda order: order <= 0)


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        try:
            result = function(left, right)
        except (ZeroDivisionError, OverflowError, ValueError):
            return UNDEFINED
        return result if type(result) is int or math.isfinite(result) else UNDEFINED

    return evaluate


def _quotient(left: float, right: float) -> float:
    result = left / right
    return int(result) if result.is_integer() and abs(result) < MAX_EXACT_INTEGER else result


def _remainder(left: float, right: float) -> float:
    """With the sign of the dividend, as in JavaScript."""
    result = math.fmod(left, right)
    return int(result) if type(left) is int and type(right) is int else result


def _bitwise(function: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    """On signed words of 32 bits, as in JavaScript."""

    def evaluate(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right) or left != int(left) or right != int(right):
            return UNDEFINED
        return signed(function(int(left), int(right)))

    return evaluate


def signed(word: int) -> int:
    word &= _WORD
    return word - (1 << 32) if word >> 31 else word


def _concatenation(left: Any, right: Any) -> Any:
    return left + right if type(left) is str and type(right) is str else UNDEFINED


def _coalesce(left: Any, right: Any) -> Any:
    return right if left is UNDEFINED else left


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "=": is_equal,
    "!=": is_not_equal,
    "<": _ordering(lambda order: order < 0),
    ">": _ordering(lambda order: order > 0),
    "<=": is_at_most,
    ">=": is_at_least,
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(_quotient),
    "%": _arithmetic(_remainder),
    "||": _concatenation,
    "??": _coalesce,
    "&": _bitwise(lambda left, right: left & right),
    "|": _bitwise(lambda left, right: left | right),
    "^": _bitwise(lambda left, right: left ^ right),
    "<<": _bitwise(lambda left, right: left << (right & 31)),
    ">>": _bitwise(lambda left, right: signed(left) >> (right & 31)),
    ">>>": _bitwise(lambda left, right: (left & _WORD) >> (right & 31)),
}


def negation(value: Any) -> Any:
    return (not value) if type(value) is bool else UNDEFINED


def minus(value: Any) -> Any:
    return -value if is_number(value) else UNDEFINED


def plus(value: Any) -> Any:
    return value if is_number(value) else UNDEFINED


def complement(value: Any) -> Any:
    return signed(~int(value)) if is_number(value) and value == int(value) else UNDEFINED


UNARY: dict[str, Callable[[Any], Any]] = {"NOT": negation, "-": minus, "+": plus, "~": complement}


@lru_cache(maxsize=256)
def _like_pattern(pattern: str, escape: str) -> re.Pattern[str]:
    """`%` any text, `_` any character, `[a-c]` and `[^a-c]` one of a set."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        closing = pattern.find("]", position + 2)
        if character == escape and position + 1 < len(pattern):
            position += 1
            parts.append(re.escape(pattern[position]))
        elif character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif character == "[" and closing > 0:
            parts.append(_character_set(pattern[position + 1 : closing]))
            position = closing
        else:
            parts.append(re.escape(character))
        position += 1
    return re.compile("".join(parts), re.DOTALL)


def _character_set(content: str) -> str:
    negated = content.startswith("^")
    escaped = re.sub(r"([\\\]\[&~|^])", r"\\\1", content[negated:])
    return f"[{'^' if negated else ''}{escaped}]"


def like(value: Any, pattern: Any, escape: Any) -> Any:
    if type(value) is not str or type(pattern) is not str or type(escape) is not str:
        return UNDEFINED
    try:
        return _like_pattern(pattern, escape).fullmatch(value) is not None
    except re.error:
        return UNDEFINED
