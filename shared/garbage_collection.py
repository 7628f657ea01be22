"""Garbage collection in a process that has started and now serves: docs/decisions/0026-what-a-registration-costs.md."""

import gc
from typing import Final

# Python's own number is 2,000. Requests in progress hold more than that, so they were looked at again and again. With
# 10,000 a collection takes some 10 ms, with 50,000 some 80 ms, and nothing else runs meanwhile.
YOUNG_OBJECTS: Final = 10_000


def spare_long_lived_objects() -> None:
    """Exempts all objects that exist now from later collections, and makes these rarer.

    Modules, functions, models and open clients stay until the process ends. What requests leave behind is collected as
    before. To be called once everything is open; it takes some 70 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
