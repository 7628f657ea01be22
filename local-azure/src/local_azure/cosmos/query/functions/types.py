"""Type-checking functions, the only ones that return a value for undefined: false."""

from collections.abc import Callable
from typing import Any

from local_azure.cosmos.query.functions.signatures import Function, of_values
from local_azure.cosmos.query.values import UNDEFINED, is_composite, is_number


def _check(test: Callable[[Any], bool]) -> Function:
    return Function(test, 1, 1)


def _is_integer(value: Any) -> bool:
    return is_number(value) and float(value).is_integer() and abs(value) < 2**63


FUNCTIONS: dict[str, Function] = {
    "IIF": of_values(lambda test, then, otherwise: then if test is True else otherwise, 3),
    "IS_ARRAY": _check(lambda value: type(value) is list),
    "IS_BOOL": _check(lambda value: type(value) is bool),
    "IS_DEFINED": _check(lambda value: value is not UNDEFINED),
    "IS_FINITE_NUMBER": _check(is_number),
    "IS_INTEGER": _check(_is_integer),
    "IS_NULL": _check(lambda value: value is None),
    "IS_NUMBER": _check(is_number),
    "IS_OBJECT": _check(lambda value: type(value) is dict),
    "IS_PRIMITIVE": _check(lambda value: value is not UNDEFINED and not is_composite(value)),
    "IS_STRING": _check(lambda value: type(value) is str),
}
