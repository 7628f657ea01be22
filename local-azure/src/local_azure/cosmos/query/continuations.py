"""Continuations: where the next page of a query starts, as opaque text."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from local_azure.cosmos import errors


def write(values: list[Any]) -> str:
    """`values`: a count, and the position that it continues after; keys in hexadecimal."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return urlsafe_b64encode(json.dumps(plain).encode()).decode("ascii")


def read_position(continuation: str | None, index: str, columns: Sequence[str]) -> tuple[int, list[Any] | None]:
    """The number of results on previous pages, and the position of the last item there. Raises bad_request."""
    if continuation is None:
        return 0, None
    passed, named, *position = read(continuation, 2 + len(columns)) or []
    try:
        for place, column in enumerate(columns):
            if column.startswith("key_"):
                position[place] = bytes.fromhex(position[place])
    except (TypeError, ValueError):
        named = None
    if named != index:
        raise _foreign(continuation)
    return passed, position


def read(continuation: str | None, length: int) -> list[Any] | None:
    """Raises bad_request if it is not a continuation of such a query."""
    if continuation is None:
        return None
    try:
        values = json.loads(urlsafe_b64decode(continuation))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != length or type(values[0]) is not int:
        raise _foreign(continuation)
    return values


def _foreign(continuation: str) -> errors.CosmosError:
    return errors.bad_request(f"The continuation token {continuation!r} does not belong to this query.")
