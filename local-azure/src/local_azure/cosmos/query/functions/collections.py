"""Array and object functions."""

from typing import Any

from local_azure.cosmos.query.functions.signatures import MANY, Function, of_values, whole_number
from local_azure.cosmos.query.values import UNDEFINED, equal, identity


def _array(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError(value)
    return value


def _matches(element: Any, wanted: Any) -> bool:
    """Whether `element` has all that `wanted` has, at any depth."""
    if type(element) is dict and type(wanted) is dict:
        return all(name in element and _matches(element[name], value) for name, value in wanted.items())
    return equal(element, wanted)


def _contains(array: Any, wanted: Any, partial: Any = False) -> bool:
    test = _matches if partial is True else equal
    return any(test(element, wanted) for element in _array(array))


def _contains_any(array: Any, *wanted: Any) -> bool:
    return any(_contains(array, value) for value in wanted)


def _contains_all(array: Any, *wanted: Any) -> bool:
    return all(_contains(array, value) for value in wanted)


def _concat(*arrays: Any) -> list[Any]:
    return [element for array in arrays for element in _array(array)]


def _slice(array: Any, start: Any, length: Any = None) -> list[Any]:
    elements = _array(array)
    first = whole_number(start)
    first = max(len(elements) + first, 0) if first < 0 else first
    return elements[first:] if length is None else elements[first : first + max(whole_number(length), 0)]


def _distinct(elements: list[Any]) -> list[Any]:
    return list({identity(element): element for element in reversed(elements)}.values())[::-1]


def _intersection(left: Any, right: Any) -> list[Any]:
    present = {identity(element) for element in _array(right)}
    return _distinct([element for element in _array(left) if identity(element) in present])


def _difference(left: Any, right: Any) -> list[Any]:
    absent = {identity(element) for element in _array(right)}
    return _distinct([element for element in _array(left) if identity(element) not in absent])


def _choose(index: Any, *options: Any) -> Any:
    place = whole_number(index)
    return options[place - 1] if 1 <= place <= len(options) else UNDEFINED


def _object_to_array(value: Any) -> list[Any]:
    if type(value) is not dict:
        raise ValueError(value)
    return [{"k": name, "v": member} for name, member in value.items()]


FUNCTIONS: dict[str, Function] = {
    "ARRAY_CONCAT": of_values(_concat, 2, MANY),
    "ARRAY_CONTAINS": of_values(_contains, 2, 3),
    "ARRAY_CONTAINS_ALL": of_values(_contains_all, 2, MANY),
    "ARRAY_CONTAINS_ANY": of_values(_contains_any, 2, MANY),
    "ARRAY_LENGTH": of_values(lambda array: len(_array(array)), 1),
    "ARRAY_SLICE": of_values(_slice, 2, 3),
    "CHOOSE": of_values(_choose, 2, MANY),
    "OBJECTTOARRAY": of_values(_object_to_array, 1),
    "SETDIFFERENCE": of_values(_difference, 2),
    "SETINTERSECT": of_values(_intersection, 2),
    "SETUNION": of_values(lambda left, right: _distinct(_array(left) + _array(right)), 2),
}
