"""A circuit breaker: after some failures in a row it opens for a while, then one trial decides."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from shared import metrics

log = logging.getLogger(__name__)

type Clock = Callable[[], float]
"""Seconds since some moment; they never go back."""


class CircuitOpen(Exception):
    """The call was not made: the callee failed too often. `retry_after`: seconds to the next trial; 0 while it runs."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("circuit open")
        self.retry_after = retry_after


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Counts consecutive failures of one callee, in one process.

    Not by the wall clock: one that is set back would keep the circuit open.
    """

    def __init__(self, name: str, failures: int, reset_seconds: float, clock: Clock = time.monotonic) -> None:
        self._name = name
        self._threshold = failures
        self._reset_seconds = reset_seconds
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._state = State.CLOSED
        metrics.set_breaker_state(name, State.CLOSED, reset_seconds)

    @asynccontextmanager
    async def attempt(self, *harmless: type[BaseException]) -> AsyncIterator[None]:
        """One call. An exception counts as a failure, unless it is one of `harmless`. Raises CircuitOpen."""
        self._admit()
        is_trial = self._state is State.HALF_OPEN
        try:
            yield
        except harmless:
            self._succeeded(is_trial=is_trial)
            raise
        except BaseException:
            self._failed(is_trial=is_trial)
            raise
        else:
            self._succeeded(is_trial=is_trial)

    def _admit(self) -> None:
        if self._state is State.HALF_OPEN:
            raise CircuitOpen(0)
        if self._state is State.OPEN:
            remaining = self._open_until - self._clock()
            if remaining > 0:
                raise CircuitOpen(remaining)
            self._enter(State.HALF_OPEN)

    def _succeeded(self, *, is_trial: bool) -> None:
        # A call that began before the circuit opened says nothing about the callee as it is now.
        if is_trial or self._state is State.CLOSED:
            self._failures = 0
            self._enter(State.CLOSED)

    def _failed(self, *, is_trial: bool) -> None:
        if is_trial or self._state is State.CLOSED:
            self._failures += 1
            if is_trial or self._failures >= self._threshold:
                self._open_until = self._clock() + self._reset_seconds
                self._enter(State.OPEN)

    def _enter(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            log.warning("circuit breaker %s is now %s", self._name, state)
            metrics.set_breaker_state(self._name, state, self._reset_seconds)
