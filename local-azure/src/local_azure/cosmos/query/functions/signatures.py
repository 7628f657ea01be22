"""How many arguments a built-in function takes, and the rule for their types: a wrong one gives undefined."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from local_azure.cosmos.query.values import UNDEFINED, is_number


class Function(NamedTuple):
    """`evaluate` gets `fewest` to `most` values, which may be undefined, and raises nothing.

    `of_now`: it gets the time instead, in seconds since 1970.
    """

    evaluate: Callable[..., Any]
    fewest: int
    most: int
    of_now: bool = False


MANY = 1_000  # arguments: no limit in practice


def _guarded(function: Callable[..., Any], accepts: Callable[[Any], bool]) -> Callable[..., Any]:
    def evaluate(*arguments: Any) -> Any:
        for argument in arguments:
            if not accepts(argument):
                return UNDEFINED
        try:
            result = function(*arguments)
        except (ValueError, OverflowError, ZeroDivisionError):  # outside the function's domain
            return UNDEFINED
        return UNDEFINED if type(result) is float and not math.isfinite(result) else result

    return evaluate


def whole_number(value: Any) -> int:
    """Raises ValueError if it is not a whole number."""
    if not is_number(value) or value != int(value):
        raise ValueError(value)
    return int(value)


def _is_text(value: Any) -> bool:
    return type(value) is str


def of_texts(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined unless every argument is a string."""
    return Function(_guarded(function, _is_text), fewest, most or fewest)


def of_numbers(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined unless every argument and the result are numbers."""
    return Function(_guarded(function, is_number), fewest, most or fewest)


def of_values(function: Callable[..., Any], fewest: int, most: int | None = None) -> Function:
    """Undefined if an argument is undefined, or if the function raises ValueError or OverflowError."""
    return Function(_guarded(function, lambda value: value is not UNDEFINED), fewest, most or fewest)
