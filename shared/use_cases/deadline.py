"""How long a caller waits, and doing something again until then."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Self

from shared.domain.errors import StoreUnavailable

# Seconds. A database that moves to another node is away for some tenths of a second. Without jitter, because no more
# repeat at once than are admitted at once, which the database can take.
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.4
TIME_LEFT: Final = "Ssak8-Time-Left"
"""The header by which a service says how many seconds it waits: 1.482."""
RETRY: Final = "Ssak8-Retry"
"""The header by which a service says that a request is one it could postpone: ?1, a Boolean of RFC 9651 §3.3.6."""

# Seconds. After an operation that hung until the deadline.
RETRY_AFTER: Final = 2


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment until which a caller waits. `at`: seconds on the clock of the event loop, which never goes back."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Seconds from now."""
        return cls(asyncio.get_running_loop().time() + seconds)

    def left(self) -> float:
        """Seconds; negative once it has passed."""
        return self.at - asyncio.get_running_loop().time()


async def while_unavailable[Result](
    deadline: Deadline, operation: Callable[[], Awaitable[Result]], grace: float = 0
) -> Result:
    """The result of `operation`, which is tried again after growing pauses while the database is unavailable.

    Repeating it must change nothing. No attempt begins after the deadline; one that runs has `grace` more seconds.
    Raises StoreUnavailable then, and any other error at once.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            async with asyncio.timeout_at(deadline.at + grace):
                return await operation()
        except StoreUnavailable:
            if deadline.left() <= pause:
                raise
        except TimeoutError:
            raise StoreUnavailable("The database does not respond.", RETRY_AFTER) from None
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
