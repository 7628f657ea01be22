"""Compact JSON text, with the numbers of RFC 8259 only: no NaN, no infinity."""

import json
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(value: Any) -> str:
    """Returns text that can be encoded as UTF-8. Raises ValueError for a number that is not finite."""
    text = _encode(value)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can only contain escaped
            return _encode_ascii(value)
    return text
