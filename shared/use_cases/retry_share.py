"""How much of what the provider takes goes to retries: those of postponed registrations, which can wait.

Why it is built like this: docs/decisions/0029-retries-get-a-tenth.md.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from shared.domain.errors import ProviderBusy

# Seconds. While a new message was turned away so recently, new messages ask for more than the provider takes.
CONTESTED_SECONDS: Final = 1.0
# A retry for so many new messages is a twelfth of them all. The rest of the tenth that retries may have is for what
# they had just before it was known that new messages lack it.
NEW_FOR_A_RETRY: Final = 11
# As TCP does: where the provider takes no more, the rate of retries goes down at once to this share of what it was.
# Then it grows, faster with time (as CUBIC, RFC 9438): after t seconds each second adds t times this share of all that
# the provider takes. So it is back soon after a small change, and within ten seconds after any.
DECREASE: Final = 0.8
INCREASE: Final = 0.02
# Retries a second. However little is accepted, somebody has to find out when that changes.
LEAST_RATE: Final = 1.0
# Seconds over which rates are measured.
WINDOW: Final = 1.0
# Retries that may be sent at once, where their rate is limited: they do not come evenly.
MOST_SAVED: Final = 2.0
# Seconds. The longest that a retry is asked to wait.
LONGEST_RETRY_AFTER: Final = 5.0

type Clock = Callable[[], float]
"""Seconds since some moment; they never go back."""


class RetryShare:
    """While new messages are turned away, retries get at most a tenth of what is accepted, else what is free.

    What is free is not known, because retries are many and take all they can get. So their rate grows until the
    provider turns a message away, and then shrinks at once. One for each process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate = math.inf  # of retries that may be sent in a second, unless new messages are turned away
        self._saved = 1.0  # retries that may be sent now
        self._counted = clock()
        self._contested_until = -math.inf
        self._decreased = -math.inf
        self._taken = 0.0  # by the provider in a second, when it last turned a message away
        self._accepted = _Rate()
        self._retries = _Rate()

    @contextmanager
    def request(self, *, is_retry: bool) -> Iterator[None]:
        """One request to the provider. Raises ProviderBusy before it is sent if it is a retry beyond the share."""
        if is_retry:
            self._take()
        try:
            yield
        except ProviderBusy:
            self._turned_away(is_retry=is_retry)
            raise
        self._was_accepted(is_retry=is_retry)

    def _take(self) -> None:
        now = self._clock()
        self._save(now)
        if self._rate == math.inf:
            return
        if self._saved < 1:
            raise ProviderBusy("Retries have their share.", self._pause(now))
        self._saved -= 1

    def _pause(self, now: float) -> float:
        """Seconds until a retry may be sent, if nothing changes."""
        contested = max(0.0, self._contested_until - now)
        return min(LONGEST_RETRY_AFTER, contested + (1 - self._saved) / self._rate)

    def _save(self, now: float) -> None:
        """What may be sent grows with time, but not while new messages are turned away: then only with those sent."""
        since = max(self._counted, min(self._contested_until, now))
        self._counted = now
        seconds = now - since
        if self._rate == math.inf or seconds <= 0:
            return
        self._rate += INCREASE * self._taken * seconds * ((since + now) / 2 - self._decreased)
        self._saved = min(MOST_SAVED, self._saved + self._rate * seconds)

    def _was_accepted(self, *, is_retry: bool) -> None:
        now = self._clock()
        self._accepted.count(now)
        if is_retry:
            self._retries.count(now)
        elif now < self._contested_until:
            self._saved = min(MOST_SAVED, self._saved + 1 / NEW_FOR_A_RETRY)

    def _turned_away(self, *, is_retry: bool) -> None:
        now = self._clock()
        self._save(now)
        if is_retry and self._rate != math.inf:
            self._saved = min(MOST_SAVED, self._saved + 1)  # nothing of the share was used
        if now - self._decreased > CONTESTED_SECONDS:
            self._decreased = now
            self._taken = max(LEAST_RATE, self._accepted.at(now))
            self._rate = max(LEAST_RATE, DECREASE * min(self._rate, self._retries.at(now)))
        if not is_retry:
            if now >= self._contested_until:
                self._saved = min(self._saved, 0.0)
            self._contested_until = now + CONTESTED_SECONDS


class _Rate:
    """Events a second: an exponentially weighted mean over WINDOW."""

    def __init__(self) -> None:
        self._events = 0.0
        self._counted = 0.0

    def count(self, now: float) -> None:
        self._events = self._weighted(now) + 1
        self._counted = now

    def at(self, now: float) -> float:
        return self._weighted(now) / WINDOW

    def _weighted(self, now: float) -> float:
        return self._events * math.exp((self._counted - now) / WINDOW)
