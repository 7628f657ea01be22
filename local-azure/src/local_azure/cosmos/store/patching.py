"""Partial updates: the patch operations of Cosmos DB, which follow RFC 6902 and add `set`, `incr` and `move`.

Source: "Partial document update in Azure Cosmos DB". Pure: changes a JSON object in memory.
"""

from collections.abc import Callable, Sequence
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_PATCH_OPERATIONS

type _Handler = Callable[[Any, str, dict[str, Any]], None]

_PROTECTED = frozenset(("id", "_rid", "_self", "_etag", "_attachments", "_ts"))


def apply_patch(item: dict[str, Any], operations: object) -> dict[str, Any]:
    """Applies all operations to `item`, which an error may leave half changed. Raises bad_request."""
    if not isinstance(operations, list) or not operations:
        raise errors.bad_request("The patch has no operations.")
    if len(operations) > MAX_PATCH_OPERATIONS:
        raise errors.bad_request(f"A patch has at most {MAX_PATCH_OPERATIONS} operations, not {len(operations)}.")
    for operation in operations:
        _apply(item, operation)
    return item


def _apply(item: dict[str, Any], operation: object) -> None:
    if not isinstance(operation, dict) or operation.get("op") not in (*_HANDLERS, "move"):
        known = ", ".join((*_HANDLERS, "move"))
        raise errors.bad_request(f"A patch operation is an object whose op is one of {known}.")
    name = operation["op"]
    if name in {"add", "set", "replace", "incr"} and "value" not in operation:
        raise errors.bad_request(f"The patch operation {name} needs a value.")
    path = _pointer(operation.get("path"))
    if path[0] in _PROTECTED:
        raise errors.bad_request(f"A patch cannot change the system property or id {operation['path']!r}.")
    if name == "move":
        _move(item, path, operation)
    else:
        _HANDLERS[name](_parent(item, path), path[-1], operation)


def _pointer(path: object) -> list[str]:
    """The steps of a JSON pointer (RFC 6901)."""
    if not isinstance(path, str) or not path.startswith("/") or len(path) < 2:
        raise errors.bad_request(f"The patch path {path!r} is not of the form /property.")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _parent(item: Any, path: Sequence[str]) -> Any:
    value = item
    for step in path[:-1]:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise _absent(step)
    if not isinstance(value, dict | list):
        raise _absent(path[-1])
    return value


def _absent(step: str) -> errors.CosmosError:
    return errors.bad_request(f"The patch path does not exist: there is no {step!r} in the item.")


def _index(array: list[Any], step: str, *, end: int) -> int:
    """Returns an index below `end`. Raises bad_request."""
    if not step.isdecimal() or int(step) >= end:
        raise errors.bad_request(f"The patch path has the array index {step!r}; the array has {len(array)} elements.")
    return int(step)


def _add(parent: Any, step: str, operation: dict[str, Any]) -> None:
    if isinstance(parent, dict):
        parent[step] = operation["value"]
    elif step == "-":
        parent.append(operation["value"])
    else:
        parent.insert(_index(parent, step, end=len(parent) + 1), operation["value"])


def _set(parent: Any, step: str, operation: dict[str, Any]) -> None:
    if isinstance(parent, list) and step.isdecimal() and int(step) < len(parent):
        parent[int(step)] = operation["value"]
    else:
        _add(parent, step, operation)


def _replace(parent: Any, step: str, operation: dict[str, Any]) -> None:
    if isinstance(parent, list):
        parent[_index(parent, step, end=len(parent))] = operation["value"]
    elif step in parent:
        parent[step] = operation["value"]
    else:
        raise _absent(step)


def _remove(parent: Any, step: str, _operation: dict[str, Any]) -> None:
    if isinstance(parent, list):
        del parent[_index(parent, step, end=len(parent))]
    elif step in parent:
        del parent[step]
    else:
        raise _absent(step)


def _increment(parent: Any, step: str, operation: dict[str, Any]) -> None:
    amount = operation["value"]
    if isinstance(parent, list):
        key: Any = _index(parent, step, end=len(parent))
        present = parent[key]
    else:
        key, present = step, parent.get(step, 0)
    for number in (amount, present):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise errors.bad_request(f"The patch operation incr needs numbers; {step!r} is something else.")
    parent[key] = present + amount


def _move(item: dict[str, Any], path: list[str], operation: dict[str, Any]) -> None:
    source = _pointer(operation.get("from"))
    if source[0] in _PROTECTED:
        raise errors.bad_request(f"A patch cannot change the system property or id {operation['from']!r}.")
    if path[: len(source)] == source and len(path) > len(source):
        raise errors.bad_request("A patch cannot move a value into itself.")
    parent, step = _parent(item, source), source[-1]
    if isinstance(parent, list):
        value = parent[_index(parent, step, end=len(parent))]
    elif step in parent:
        value = parent[step]
    else:
        raise _absent(step)
    _remove(parent, step, operation)
    _add(_parent(item, path), path[-1], {"value": value})


_HANDLERS: dict[str, _Handler] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
}
