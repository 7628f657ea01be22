"""How the query language compares JSON values, and the value that JSON does not have: undefined."""

from typing import Any, Final


class Undefined:
    """The value of a missing property; neither null nor false."""

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()

_RANKS: dict[type, int] = {Undefined: 0, type(None): 1, bool: 2, int: 3, float: 3, str: 4, list: 5, dict: 6}


def rank(value: Any) -> int:
    """The order of the types: undefined, null, boolean, number, string, array, object."""
    return _RANKS[type(value)]


def is_composite(value: Any) -> bool:
    """Whether it is an array or an object: these have no order."""
    return type(value) is list or type(value) is dict


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def equal(left: Any, right: Any) -> bool:
    """Whether two defined values are equal. True is not 1."""
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
    """Negative, 0 or positive; None for values without an order: different types, arrays, objects, undefined."""
    if rank(left) != rank(right) or is_composite(left) or left is UNDEFINED:
        return None
    if left is None or left == right:
        return 0
    return -1 if left < right else 1


def sort_key(value: Any) -> tuple[Any, ...]:
    """The sort key of ORDER BY, MIN and MAX: first by type, then by value."""
    type_rank = rank(value)
    has_order = not (value is None or value is UNDEFINED or is_composite(value))
    return (type_rank, value) if has_order else (type_rank,)


def identity(value: Any) -> Any:
    """A hashable key that is the same for equal values: for DISTINCT, GROUP BY and sets."""
    if type(value) is str:
        return value
    if type(value) is list:
        return (rank(value), *(identity(element) for element in value))
    if type(value) is dict:
        return (rank(value), frozenset((name, identity(member)) for name, member in value.items()))
    return (rank(value), value)
