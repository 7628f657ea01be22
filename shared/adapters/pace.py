"""How fast something goes while all its slots are in use: how many finish in a second, and how long one takes."""

import math
from typing import Final

# Seconds over which the rate is measured. The long one counts, and remembers what the callee can do while it does less
# for a moment. The short one soon shows that the callee has recovered: it counts where it is so many times as high,
# which chance alone does not make it. Believing in too high a rate costs a late refusal, believing in too low a rate
# refuses somebody for nothing.
WINDOWS: Final = (0.25, 2.0)
RECOVERED: Final = 1.3
# The share of each new service time in the mean of them all, as for round trips in TCP (RFC 6298 §2): its mean moves
# within some dozen calls. Nearly all take less than the mean and twice the mean deviation.
SERVICE_WEIGHT: Final = 1 / 32
DEVIATIONS: Final = 2
# What was given up is taken to need twice as long, as TCP does with its timeout (RFC 6298 §5.5).
TOO_LONG: Final = 2


class Pace:
    """Unknown until `enough` have finished while all slots were in use.

    When nothing finishes for more than `standstill` seconds, the rest of that time does not count: something stood
    still, which says nothing about how fast it goes when it goes.
    """

    def __init__(self, enough: int, standstill: float) -> None:
        self._enough = enough
        self._standstill = standstill
        self._moved = 0.0
        self._last_finish = -math.inf
        self.forget()

    def forget(self) -> None:
        """It is unknown again."""
        self._counted = 0
        self._learned = 0
        self._rates = tuple(_Rate(window) for window in WINDOWS)
        self._service = 0.0
        self._deviation = 0.0

    def moved(self, now: float) -> float:
        """The clock that stops when everything stands still: seconds since some moment."""
        return self._moved + min(now - self._last_finish, self._standstill)

    def resume(self) -> None:
        """All slots are in use again."""
        for rate in self._rates:
            rate.resume()

    def finish(self, began: float, now: float, *, served: bool) -> None:
        """One has finished that began when `moved` was `began`; if not `served`, it failed or was given up."""
        self.go_on(now)
        took = self._moved - began
        if served:
            self._counted += 1
            for rate in self._rates:
                rate.finish(self._moved)
            self._learn(took)
        elif took > self._service:
            # Nobody knows how long it would have taken: longer. That is known at once.
            self._learned = max(self._learned, self._enough)
            self._learn(TOO_LONG * took)

    def go_on(self, now: float) -> None:
        """Something has finished, so nothing stands still."""
        self._moved = self.moved(now)
        self._last_finish = now

    def _learn(self, took: float) -> None:
        self._learned += 1
        weight = max(SERVICE_WEIGHT, 1 / self._learned)  # at first all count the same
        error = took - self._service
        self._service += weight * error
        if self._learned > 1:
            self._deviation += SERVICE_WEIGHT * (abs(error) - self._deviation)

    def rate(self, now: float) -> float:
        """How many finish in a second; infinite while unknown."""
        if self._counted < self._enough:
            return math.inf
        short, long = (rate.at(self.moved(now)) for rate in self._rates)
        return short if short > RECOVERED * long else long

    def service(self) -> float:
        """The seconds in which nearly all are served; 0 while unknown."""
        return self._service + DEVIATIONS * self._deviation if self._learned >= self._enough else 0.0


class _Rate:
    """An exponentially weighted mean over `window` seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._finished = 0.0
        self._seconds = 0.0
        self._until: float | None = None

    def resume(self) -> None:
        """Measures from one finish to the next: those that run may all have begun just now."""
        self._until = None

    def finish(self, now: float) -> None:
        if self._until is not None:
            passed = now - self._until
            weight = math.exp(-passed / self._window)
            self._finished = self._finished * weight + 1
            self._seconds = self._seconds * weight + passed
        self._until = now

    def at(self, now: float) -> float:
        """Per second. That nothing has finished for a while counts too."""
        passed = now - self._until if self._until is not None else 0.0
        weight = math.exp(-passed / self._window)
        seconds = self._seconds * weight + passed
        return self._finished * weight / seconds if seconds else math.inf
