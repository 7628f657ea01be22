"""Keeping the time formats that the Functions library tries: docs/decisions/0026-what-a-registration-costs.md."""

import importlib
from typing import Final

# The library tries up to 16 formats for each time of a message, and there may be others.
KEPT_FORMATS: Final = 32


def keep_time_formats() -> None:
    """Lets `strptime` keep the patterns of as many formats as the library tries.

    Python keeps six, and at the next one forgets them all. The number is no public setting: a version of Python that
    has none reads times as slowly as without this call.
    """
    vars(importlib.import_module("_strptime"))["_CACHE_MAX_SIZE"] = KEPT_FORMATS
