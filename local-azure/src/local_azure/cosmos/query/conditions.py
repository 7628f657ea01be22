"""Compiles the condition of a patch, `FROM c WHERE …`, to a test of one item."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.query.compiler import compile_query
from local_azure.cosmos.query.parser import parse_condition
from local_azure.cosmos.query.scope import ROOT_SLOT, Scope


@lru_cache(maxsize=256)
def read_condition(text: str) -> Callable[[dict[str, Any], float], bool]:
    """A test of an item at a time, in seconds since 1970.

    Raises query_error if it is invalid, or more than a condition.
    """
    if not isinstance(text, str):
        raise errors.bad_request("The condition of a patch must be a text.")
    tree = parse_condition(text)
    selection, _, slots = compile_query(tree)
    if tree.group_by or tree.order_by or tree.limit:
        raise errors.query_error("The condition of a patch must have the form FROM c WHERE ….", 0, len(text))

    def test(item: dict[str, Any], now: float) -> bool:
        scope = Scope({}, slots, now)
        scope.values[ROOT_SLOT] = item
        return any(True for _ in selection.results(scope, (None,)))

    return test
