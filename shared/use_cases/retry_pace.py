"""How fast postponed registrations are tried: a few probes until KakaoTalk answers, then at the pace that it takes.

The figures behind it: docs/decisions/0030-what-an-outage-costs.md.
"""

import math
from typing import Final

# Seconds between a probe that failed and the next, and how many failures in a row mean that KakaoTalk does not answer.
PROBES_APART: Final = 1.0
FAILURES_IN_A_ROW: Final = 3
# Seconds without an answer while tries run, after which it may be that none comes.
SILENCE: Final = 1.0
# Seconds without a try, after which nothing is known of KakaoTalk any more.
FORGOTTEN_AFTER: Final = 60.0

# Tries a second. Each costs up to three operations on Service Bus and its event three more, and all functions together
# have 1,000 a second.
MOST: Final = 100.0
LEAST: Final = 1.0
# The share by which the pace grows in a second: until it was once too fast; then; and close to where it was too fast.
STEEP_GROWTH: Final = 1.0
GROWTH: Final = 0.1
CAREFUL_GROWTH: Final = 0.005
LEAST_GROWTH: Final = 0.25  # tries a second
CLOSE: Final = 0.1
# How much slower, in tries a second. One refused for lack of room in a second was one too many in that second. Whoever
# fails now and then need not be overloaded: a failure counts less, and never slows down below this share of the probes.
BUSY_COST: Final = 1.5
MOST_LOST: Final = 0.25  # the share of a slow pace that one refusal takes at most
SERIES: Final = 0.5  # seconds within which the next refusal belongs to the same excess
FAILURE_COST: Final = 0.5
LEAST_WHILE_FAILING: Final = 0.25
# Seconds by which a try may be late and the next still keeps to the rate; who is later leaves the rate unused.
SLACK: Final = 0.1
UNUSED_AFTER: Final = 0.5


class RetryPace:
    """Additive increase, decrease at once, as TCP keeps to what a network takes. Pure: each call is told the time.

    `unanswered`: how many may begin in a second while KakaoTalk does not answer, though only one at a time asks it.
    `at_once`: how many may run side by side once it does.
    """

    def __init__(self, unanswered: float, at_once: int) -> None:
        self._unanswered = float(unanswered)
        self._at_once = at_once
        self._running = 0
        self._next = self._quiet_since = self._busy_at = -math.inf
        self._forget()

    def _forget(self) -> None:
        self._answers = False
        self._rate = self._unanswered
        self._too_fast = math.inf
        self._steep = True
        self._used = False
        self._failures = 0

    def rate(self, now: float) -> float:
        """How many may begin in a second."""
        is_silent = self._running > 0 and now - self._quiet_since > SILENCE
        if not self._answers or is_silent:
            return min(self._rate, self._unanswered)
        return self._rate

    def wait(self, now: float) -> float:
        """Seconds until the next may begin; infinite until one has ended."""
        if not self._running and now - self._quiet_since > FORGOTTEN_AFTER:
            self._forget()
        return max(0.0, self._next - now) if self._room() else math.inf

    def within(self, seconds: float, now: float) -> int:
        """How many may begin in so many seconds from now if it goes on like this; at least one."""
        return max(1, min(self._room(), int(self.rate(now) * seconds)))

    def _room(self) -> int:
        return max(0, (self._at_once if self._answers else 1) - self._running)

    def begin(self, now: float) -> None:
        """A try begins. It must end in one of the four ways below."""
        self._used = now - self._next < UNUSED_AFTER
        slack = SLACK if self._answers else 0.0
        self._next = max(self._next, now - slack) + 1 / self.rate(now)
        if not self._running:
            self._quiet_since = now
        self._running += 1

    def not_asked(self, now: float) -> None:
        """It has ended, and says nothing of KakaoTalk."""
        self._running -= 1
        self._quiet_since = now

    def succeeded(self, now: float) -> None:
        """KakaoTalk took it."""
        self._answered(now)
        if not self._used:
            return
        if self._rate > self._too_fast * (1 + CLOSE):
            self._too_fast, self._steep = math.inf, True  # it takes more than it did
        self._rate = min(MOST, self._rate + max(LEAST_GROWTH, self._growth() * self._rate) / self._rate)

    def _growth(self) -> float:
        if self._steep:
            return STEEP_GROWTH
        return CAREFUL_GROWTH if self._rate > self._too_fast * (1 - CLOSE) else GROWTH

    def busy(self, now: float) -> None:
        """KakaoTalk works, and takes no more for the moment."""
        if not self._answers:
            self._rate = LEAST
        self._answered(now)
        if now - self._busy_at > SERIES:
            self._too_fast = self._rate
        self._busy_at = now
        self._slow_down(min(BUSY_COST, MOST_LOST * self._rate), LEAST)
        self._next = max(self._next, now + 1 / self._rate)

    def failed(self, now: float) -> None:
        """KakaoTalk did not answer, or that it failed."""
        self.not_asked(now)
        self._failures += 1
        if self._answers:
            self._slow_down(FAILURE_COST, LEAST_WHILE_FAILING * self._unanswered)
        if not self._answers or self._failures >= FAILURES_IN_A_ROW:
            self._forget()
            self._next = now + PROBES_APART

    def _answered(self, now: float) -> None:
        self.not_asked(now)
        self._failures = 0
        self._answers = True

    def _slow_down(self, cost: float, least: float) -> None:
        self._steep = False
        self._rate = min(self._rate, max(least, self._rate - cost))
