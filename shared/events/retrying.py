"""Retrying inside one delivery of an event: docs/decisions/0003-retries-inside-event-functions.md."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import stamina

from shared.domain.errors import Unavailable
from shared.telemetry import trace_id

log = logging.getLogger(__name__)

# A short blip costs little time, and a long outage few attempts: 15 s is also how late the end of one is noticed.
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 15


@dataclass(frozen=True)
class RetryWhileUnavailable[**Arguments]:
    """Handles an event or a batch again, after growing waits, while a service that is needed is unavailable.

    The host would give the messages of a failed function back at once, and ten attempts would be over within a second.
    `timeout_seconds` and one more attempt stay below the five minutes for which the host holds their locks.
    """

    handle: Callable[Arguments, Awaitable[None]]
    timeout_seconds: float

    async def __call__(self, *arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        """Raises Unavailable once the time is over, and any other error at once."""
        attempts = stamina.retry_context(
            on=Unavailable,
            attempts=None,
            timeout=self.timeout_seconds,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=LONGEST_WAIT_SECONDS,
        )
        async for attempt in attempts:
            with attempt:
                try:
                    await self.handle(*arguments, **named)
                except Unavailable as error:
                    log.warning("attempt %d: %s trace %s", attempt.num, error, trace_id())
                    raise
