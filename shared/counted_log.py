"""Warnings that may come a thousand times a second: the first is logged at once, the others are counted."""

import asyncio
import logging
from collections import Counter
from typing import Final

INTERVAL_SECONDS: Final = 1


class CountedLog:
    """Logs at most one line a second. It says how often each text came, and the trace id of the last."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._counts: Counter[str] = Counter()
        self._last_trace = ""
        self._counting_on: asyncio.AbstractEventLoop | None = None

    def warning(self, text: str, trace: str) -> None:
        """Logs the text, or counts it if there was a line within the last second. `text`: one of a few."""
        loop = asyncio.get_running_loop()
        if self._counting_on is loop:
            self._counts[text] += 1
            self._last_trace = trace
            return
        self._log.warning("%s trace %s", text, trace)
        self._counting_on = loop
        loop.call_later(INTERVAL_SECONDS, self._end_interval, loop)

    def _end_interval(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._counts:
            self._counting_on = None
            return
        texts = "; ".join(f"{count} × {text}" for text, count in self._counts.most_common())
        self._counts.clear()
        self._log.warning("within a second: %s last trace %s", texts, self._last_trace)
        loop.call_later(INTERVAL_SECONDS, self._end_interval, loop)
