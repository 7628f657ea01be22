"""Time, timers and random bytes for the broker, passed in so that tests need not wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Environment:
    """`call_later`: after seconds; `call_soon`: at the end of this turn.

    Three clocks, in milliseconds since 1970 UTC. `now`, for whatever expires or is to be enqueued, goes on evenly, and
    may be moved ahead. `elapsed`, for locks, goes on evenly: who holds one renews it by a clock that nobody moves.
    `wall_clock`, for times that clients read from their clock or compare with it, may be set back and forth.
    """

    now: Callable[[], int]
    elapsed: Callable[[], int]
    wall_clock: Callable[[], int]
    call_later: Callable[[float, Callable[[], None]], Timer]
    call_soon: Callable[[Callable[[], None]], object]
    lock_token: Callable[[], bytes]
