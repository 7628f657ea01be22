"""Messages that expire, or are to be enqueued, at a certain time."""

import logging
from collections.abc import Callable

from local_azure.service_bus.broker.environment import Environment, Timer
from local_azure.service_bus.errors import ServiceBusError
from local_azure.service_bus.limits import MAX_DUE_MESSAGES
from local_azure.service_bus.store import Due, Store

log = logging.getLogger(__name__)

# Seconds; the timer for a later deadline is set again then. The loop's timers pause while the machine is suspended.
LONGEST_TIMER = 60.0


class Deadlines:
    """Calls `on_due` for each message whose time has come, including those that became due before the start."""

    def __init__(self, store: Store, environment: Environment, on_due: Callable[[Due], None]) -> None:
        self._store = store
        self._environment = environment
        self._on_due = on_due
        self._next: int | None = None
        self._timer: Timer | None = None

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._environment.now()

    def due_at(self, wall_time: int) -> int:
        """When it is due by the clock of `now`, for a time that a client has read from the wall clock."""
        return wall_time + self._environment.now() - self._environment.wall_clock()

    def watch(self, due: int) -> None:
        """Sets the timer to `due` (milliseconds since 1970), unless it is set to an earlier time."""
        if self._next is not None and self._next <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        seconds = min(max(due - self._environment.now(), 0) / 1000, LONGEST_TIMER)
        self._timer = self._environment.call_later(seconds, self.check)

    def clock_moved(self) -> None:
        """Handles what has become due, and sets the timer by the moved clock."""
        self.close()
        self.check()

    def check(self) -> None:
        """Handles what is due, and sets the timer for the next message."""
        self._next = None
        self._check_from((-1, -1), self._environment.now())

    def _check_from(self, position: tuple[int, int], now: int) -> None:
        """Handles a part in each turn of the loop, so that thousands that expire together do not block it."""
        due = self._store.load_due(now, position, MAX_DUE_MESSAGES)
        for each in due:
            try:
                self._on_due(each)
            except ServiceBusError as error:
                log.warning("message %d of queue %d is due: %s", each.sequence_number, each.queue, error)
        if len(due) == MAX_DUE_MESSAGES:
            self._environment.call_soon(lambda: self._check_from(due[-1].position, now))
            return
        following = self._store.next_due(now)
        if following is not None:
            self.watch(following)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
