"""Mathematical functions."""

import math
from decimal import ROUND_HALF_UP, Decimal

from local_azure.cosmos.limits import MAX_EXACT_INTEGER
from local_azure.cosmos.query.functions.signatures import Function, of_numbers


def _round(value: float, digits: float = 0) -> float:
    """Rounds halves away from zero."""
    if isinstance(value, int) and digits >= 0:
        return value
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP)
    return _simplest(float(rounded))


def _simplest(value: float) -> float:
    """A whole number as an integer, so that JSON shows no fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_INTEGER else value


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _bin(value: float, size: float = 1) -> float:
    return _simplest(math.floor(value / size) * size)


def _logarithm(value: float, base: float = math.e) -> float:
    return math.log(value) if base == math.e else math.log(value, base)


FUNCTIONS: dict[str, Function] = {
    "ABS": of_numbers(abs, 1),
    "ACOS": of_numbers(math.acos, 1),
    "ASIN": of_numbers(math.asin, 1),
    "ATAN": of_numbers(math.atan, 1),
    "ATN2": of_numbers(math.atan2, 2),
    "CEILING": of_numbers(math.ceil, 1),
    "COS": of_numbers(math.cos, 1),
    "COT": of_numbers(lambda value: 1 / math.tan(value), 1),
    "DEGREES": of_numbers(math.degrees, 1),
    "EXP": of_numbers(math.exp, 1),
    "FLOOR": of_numbers(math.floor, 1),
    "LOG": of_numbers(_logarithm, 1, 2),
    "LOG10": of_numbers(math.log10, 1),
    "NUMBERBIN": of_numbers(_bin, 1, 2),
    "PI": of_numbers(lambda: math.pi, 0),
    "POWER": of_numbers(lambda base, exponent: _simplest(math.pow(base, exponent)), 2),
    "RADIANS": of_numbers(math.radians, 1),
    "ROUND": of_numbers(_round, 1, 2),
    "SIGN": of_numbers(_sign, 1),
    "SIN": of_numbers(math.sin, 1),
    "SQRT": of_numbers(lambda value: _simplest(math.sqrt(value)), 1),
    "SQUARE": of_numbers(lambda value: value * value, 1),
    "TAN": of_numbers(math.tan, 1),
    "TRUNC": of_numbers(math.trunc, 1),
}
