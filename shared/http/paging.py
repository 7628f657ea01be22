"""Cursor paging: `?size=` and an opaque `?cursor=`."""

import base64
import re
from dataclasses import dataclass
from typing import Final

import azure.functions as func

from shared.http.problems import InvalidField, Problem
from shared.use_cases.looking_up import Position

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
LONGEST_CURSOR = 200  # characters; the longest position, that of a kakao message, needs 100

UNSUPPORTED: Final = {
    "page": "is not supported; follow _links.next",
    "sort": "is not supported; lists are newest first",
}

_POSITION = re.compile(r"[0-9A-Za-z:.-]+")


@dataclass(frozen=True)
class PageRequest:
    """`size`: the number of items; `after`: the position at which the previous page ended."""

    size: int
    after: Position | None


def read_page_request(request: func.HttpRequest) -> PageRequest:
    """Reads `size` and `cursor`. Raises Problem 400, also for the paging of the original system.

    If `page` were ignored, a client that counts pages would get the first one again and again.
    """
    for name, reason in UNSUPPORTED.items():
        if name in request.params:
            raise _invalid(name, reason)
    return PageRequest(_size(request.params.get("size")), _position(request.params.get("cursor")))


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LARGEST_SIZE):
        raise _invalid("size", f"must be a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def _position(text: str | None) -> Position | None:
    if text is None:
        return None
    malformed = _invalid("cursor", "is not a cursor of this list; follow _links.next")
    if not 0 < len(text) <= LONGEST_CURSOR:
        raise malformed
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        raise malformed from None
    if not _POSITION.fullmatch(position):
        raise malformed
    return position


def cursor(position: Position) -> str:
    """The position as an opaque text for a URL."""
    return base64.urlsafe_b64encode(position.encode("ascii")).decode().rstrip("=")


def _invalid(field: str, reason: str) -> Problem:
    detail = f"The query value {field} {reason}."
    return Problem(400, "query", "Unusable query", detail, errors=[InvalidField(field, reason)])
