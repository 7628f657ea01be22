"""JSON values as the query language compares them, and the one that JSON does not have: undefined."""

from typing import Any, Final


class Undefined:
    """The value of a property that is not there. Neither null nor false."""

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()

_RANKS: dict[type, int] = {Undefined: 0, type(None): 1, bool: 2, int: 3, float: 3, str: 4, list: 5, dict: 6}
_FIRST_WITHOUT_ORDER = 5


def rank(value: Any) -> int:
    """The order of the types: undefined, null, boolean, number, string, array, object."""
    return _RANKS[type(value)]


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def equal(left: Any, right: Any) -> bool:
    """Whether two defined values are the same. True is not 1."""
    if type(left) is str or type(right) is str:
        return bool(left == right)
    if rank(left) != rank(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(equal(one, other) for one, other in zip(left, right, strict=True))
    if type(left) is dict:
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    return bool(left == right)


def compare(left: Any, right: Any) -> int | None:
    """Below, at or above 0; None where the values have no order: different types, arrays, objects, undefined."""
    left_rank = rank(left)
    if left_rank != rank(right) or left_rank >= _FIRST_WITHOUT_ORDER or left is UNDEFINED:
        return None
    if left is None or left == right:
        return 0
    return -1 if left < right else 1


def sort_key(value: Any) -> tuple[Any, ...]:
    """For ORDER BY, MIN and MAX: first by type, then by value."""
    place = rank(value)
    return (place, value) if place in {2, 3, 4} else (place,)


def identity(value: Any) -> Any:
    """Something hashable that is the same for equal values: for DISTINCT, GROUP BY and sets."""
    if type(value) is str:
        return value
    if type(value) is list:
        return (5, *(identity(element) for element in value))
    if type(value) is dict:
        return (6, frozenset((name, identity(member)) for name, member in value.items()))
    return (rank(value), value)
