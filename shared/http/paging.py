"""Cursor paging: `?size=` and an opaque `?cursor=`."""

import base64
import binascii
import json
from dataclasses import dataclass

import azure.functions as func

from shared.http.problems import InvalidField, Problem
from shared.use_cases.looking_up import Position

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
LONGEST_CURSOR = 1024


@dataclass(frozen=True)
class PageRequest:
    """How many items, and after which position."""

    size: int
    after: Position | None


def page_request(request: func.HttpRequest, position_length: int) -> PageRequest:
    """Reads `size` and `cursor`; a position of this list has `position_length` parts. Raises Problem 400."""
    return PageRequest(_size(request.params.get("size")), _position(request.params.get("cursor"), position_length))


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LARGEST_SIZE):
        raise _invalid("size", f"must be a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def _position(text: str | None, length: int) -> Position | None:
    if text is None:
        return None
    malformed = _invalid("cursor", "is not a cursor of this list; follow _links.next")
    if len(text) > LONGEST_CURSOR:
        raise malformed
    try:
        parts = json.loads(
            base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
    except (ValueError, binascii.Error, RecursionError):
        raise malformed from None
    if not (isinstance(parts, list) and len(parts) == length and all(isinstance(part, str) for part in parts)):
        raise malformed
    return tuple(parts)


def cursor(position: Position) -> str:
    """The position as an opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def _invalid(field: str, reason: str) -> Problem:
    detail = f"The query value {field} {reason}."
    return Problem(400, "query", "Unusable query", detail, errors=[InvalidField(field, reason)])
