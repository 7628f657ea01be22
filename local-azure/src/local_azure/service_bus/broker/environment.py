"""Time, timers and random bytes for the broker, passed in so that tests need not wait."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Environment:
    """`now`: milliseconds since 1970 UTC; `call_later`: after seconds; `call_soon`: at the end of this turn."""

    now: Callable[[], int]
    call_later: Callable[[float, Callable[[], None]], Timer]
    call_soon: Callable[[Callable[[], None]], object]
    lock_token: Callable[[], bytes]
