"""Time since 1970 that goes on evenly, whatever happens to the wall clock: for durations whose end is stored.

It starts with the process, at the time of the wall clock. From then on it counts with a clock that nobody sets, and
that goes on while the machine is suspended.
"""

import time

# Linux; on macOS, CLOCK_MONOTONIC goes on while the machine is suspended.
_COUNTER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_COUNTED_FROM_NS = time.time_ns() - time.clock_gettime_ns(_COUNTER)


def seconds() -> float:
    """Seconds since 1970."""
    return (_COUNTED_FROM_NS + time.clock_gettime_ns(_COUNTER)) / 1_000_000_000


def milliseconds() -> int:
    """Milliseconds since 1970."""
    return (_COUNTED_FROM_NS + time.clock_gettime_ns(_COUNTER)) // 1_000_000
