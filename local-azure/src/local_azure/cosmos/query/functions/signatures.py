"""What a built-in function takes, and the rule that nearly all of them share: a wrong type gives undefined."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from local_azure.cosmos.query.values import UNDEFINED, is_number


class Function(NamedTuple):
    """`evaluate` gets between `fewest` and `most` values, undefined among them, and raises nothing."""

    evaluate: Callable[..., Any]
    fewest: int
    most: int


MANY = 1_000


def _guarded(function: Callable[..., Any], accepts: Callable[[Any], bool]) -> Callable[..., Any]:
    def evaluate(*arguments: Any) -> Any:
        for argument in arguments:
            if not accepts(argument):
                return UNDEFINED
        try:
            result = function(*arguments)
        except (ValueError, OverflowError, ZeroDivisionError):  # outside of the function's domain
            return UNDEFINED
        return UNDEFINED if type(result) is float and not math.isfinite(result) else result

    return evaluate


def _is_text(value: Any) -> bool:
    return type(value) is str


def of_texts(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined unless every argument is a string."""
    return Function(_guarded(function, _is_text), fewest, most or fewest)


def of_numbers(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined unless every argument is a number, and where the result is not one."""
    return Function(_guarded(function, is_number), fewest, most or fewest)


def of_values(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined where an argument is, and where the function raises ValueError or OverflowError."""
    return Function(_guarded(function, lambda value: value is not UNDEFINED), fewest, most or fewest)
