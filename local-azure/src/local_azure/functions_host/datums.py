"""The worker library's type of the values that go into and come out of an invocation."""

import json
from typing import Any

from azure_functions_runtime.bindings.datumdef import Datum

__all__ = ["Datum", "json_datum", "raw", "text"]


def text(value: str) -> Datum:
    return Datum(value, "string")


def raw(value: bytes) -> Datum:
    return Datum(value, "bytes")


def json_datum(value: Any) -> Datum:
    """`value` as JSON text, which the library parses."""
    return Datum(json.dumps(value, separators=(",", ":"), default=str), "json")
