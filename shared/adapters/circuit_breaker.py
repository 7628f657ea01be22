"""A circuit breaker: after some failures in a row it opens for a while, then one trial decides."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
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


class Unreached(Exception):
    """A failure: the callee is not there. Once it is back it answers at once, so a trial comes soon and is cheap."""


class Inconclusive(Exception):
    """The call was given up too soon to say anything about the callee."""


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class Limits:
    """The circuit opens after so many `failures` in a row, for `reset_seconds`; if all were Unreached, for less."""

    failures: int
    reset_seconds: float
    reconnect_seconds: float


class CircuitBreaker:
    """Counts consecutive failures of one callee, in one process.

    Not by the wall clock: one that is set back would keep the circuit open.
    """

    def __init__(self, name: str, limits: Limits, clock: Clock = time.monotonic) -> None:
        self._name = name
        self._limits = limits
        self._clock = clock
        self._failures = 0
        self._unreached = True  # all failures since the last success
        self._open_until = 0.0
        self._state = State.CLOSED
        self._changed = asyncio.Event()
        metrics.set_breaker_state(name, State.CLOSED, 0)

    def check(self) -> None:
        """Raises CircuitOpen if a call would not be made, however long it waits for a trial."""
        if self._state is not State.CLOSED and not self._unreached and (self._is_half_open or self._remaining() > 0):
            raise CircuitOpen(self._remaining())

    @asynccontextmanager
    async def attempt(self, *harmless: type[BaseException], patience: float = 0) -> AsyncIterator[None]:
        """One call. An exception counts as a failure, unless it is Inconclusive or one of `harmless`.

        While the callee is not there, the call waits for a trial that ends within `patience` seconds. Raises
        CircuitOpen.
        """
        is_trial = await self._admit(patience)
        try:
            yield
        except harmless:
            self._succeeded(is_trial=is_trial)
            raise
        except (Inconclusive, asyncio.CancelledError):
            if is_trial:
                self._open(0)  # the next call is the trial
            raise
        except BaseException as error:
            self._failed(is_trial=is_trial, unreached=isinstance(error, Unreached))
            raise
        else:
            self._succeeded(is_trial=is_trial)

    async def _admit(self, patience: float) -> bool:
        """Returns whether this call is the trial."""
        give_up = self._clock() + patience
        while self._state is not State.CLOSED:
            remaining = self._remaining()
            if not self._is_half_open and remaining <= 0:
                self._enter(State.HALF_OPEN)
                return True
            now = self._clock()
            if not self._unreached or now + remaining >= give_up:
                raise CircuitOpen(remaining)
            await self._wait_for_change(give_up - now if self._is_half_open else remaining)
        return False

    async def _wait_for_change(self, seconds: float) -> None:
        changed = self._changed
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            pass

    @property
    def _is_half_open(self) -> bool:
        return self._state is State.HALF_OPEN

    def _remaining(self) -> float:
        """Seconds to the next trial; 0 while it runs."""
        return 0 if self._is_half_open else max(0.0, self._open_until - self._clock())

    def _succeeded(self, *, is_trial: bool) -> None:
        # A call that began before the circuit opened says nothing about the callee as it is now.
        if is_trial or self._state is State.CLOSED:
            self._failures = 0
            self._unreached = True
            self._enter(State.CLOSED)

    def _failed(self, *, is_trial: bool, unreached: bool) -> None:
        if is_trial or self._state is State.CLOSED:
            self._failures += 1
            # The failure of a trial replaces what was known before.
            self._unreached = unreached and (is_trial or self._unreached)
            if is_trial or self._failures >= self._limits.failures:
                self._open(self._limits.reconnect_seconds if self._unreached else self._limits.reset_seconds)

    def _open(self, seconds: float) -> None:
        self._open_until = self._clock() + seconds
        self._enter(State.OPEN)

    def _enter(self, state: State) -> None:
        if state is self._state:
            return
        # Not each trial that fails: there may be two a second for hours.
        if State.CLOSED in (state, self._state):
            log.warning("circuit breaker %s is now %s", self._name, state)
        self._state = state
        metrics.set_breaker_state(self._name, state, self._remaining())
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
