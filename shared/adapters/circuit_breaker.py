"""A circuit breaker: after some failures in a row it opens for a while, then one trial decides."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.messages.base import Event
from purgatory.domain.messages.events import ContextChanged
from purgatory.domain.model import CLOSED, OpenedState

from shared import metrics

log = logging.getLogger(__name__)


class CircuitOpen(Exception):
    """The call was not made: the callee failed too often. `retry_after`: seconds to the next trial; 0 while it runs."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("circuit open")
        self.retry_after = retry_after


class CircuitBreaker:
    """purgatory's breaker, with a single trial when half-open (purgatory itself lets all calls through)."""

    def __init__(self, name: str, failures: int, reset_seconds: float) -> None:
        self._name = name
        self._reset_seconds = reset_seconds
        self._circuits = AsyncCircuitBreakerFactory(default_threshold=failures, default_ttl=reset_seconds)
        self._circuits.add_listener(self._report_change)
        metrics.set_breaker_state(name, CLOSED, reset_seconds)
        self._trial_running = False

    @asynccontextmanager
    async def attempt(self, *harmless: type[BaseException]) -> AsyncIterator[None]:
        """One call. An exception counts as a failure, unless it is one of `harmless`. Raises CircuitOpen."""
        circuit = await self._circuits.get_breaker(self._name, exclude=list(harmless))
        trial = circuit.context.state != CLOSED
        if trial and self._trial_running:
            raise CircuitOpen(0)
        try:
            await circuit.__aenter__()
        except OpenedState as opened:
            opened.__traceback__ = None  # purgatory raises the same object every time, and its traceback would grow
            raise CircuitOpen(max(0.0, opened.opened_at + self._reset_seconds - time.time())) from None
        self._trial_running = trial
        try:
            yield
        except BaseException as error:
            await circuit.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            await circuit.__aexit__(None, None, None)
        finally:
            if trial:
                self._trial_running = False

    def _report_change(self, circuit: str, change: str, event: Event) -> None:
        if change == "state_changed" and isinstance(event, ContextChanged):
            log.warning("circuit breaker %s is now %s", circuit, event.state)
            metrics.set_breaker_state(circuit, event.state, self._reset_seconds)
