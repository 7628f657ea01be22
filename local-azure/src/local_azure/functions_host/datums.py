"""Values on their way into and out of an invocation, in the worker library's own type."""

import json
from typing import Any

from azure_functions_runtime.bindings.datumdef import Datum

__all__ = ["Datum", "json_datum", "raw", "text"]


def text(value: str) -> Datum:
    return Datum(value, "string")


def raw(value: bytes) -> Datum:
    return Datum(value, "bytes")


def json_datum(value: Any) -> Datum:
    """`value` as JSON text, which the library parses again."""
    return Datum(json.dumps(value, separators=(",", ":"), default=str), "json")
