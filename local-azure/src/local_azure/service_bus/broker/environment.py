"""Time, timers and random bytes for the broker, passed in so that tests need not wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Environment:
    """`call_later`: after seconds; `call_soon`: at the end of this turn.

    Two clocks, in milliseconds since 1970 UTC: `now`, for every duration, goes on evenly; `wall_clock`, for times that
    come from clients or are sent to them, may be set back and forth.
    """

    now: Callable[[], int]
    wall_clock: Callable[[], int]
    call_later: Callable[[float, Callable[[], None]], Timer]
    call_soon: Callable[[Callable[[], None]], object]
    lock_token: Callable[[], bytes]
