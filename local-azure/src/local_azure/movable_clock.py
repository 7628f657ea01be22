"""The clock of the emulators, which `local-azure clock --advance` moves ahead of the real one.

How far it is ahead stands in a file of the state folder, so that it survives restarts and `reset` sets it back. A
running emulator reads the file again at SIGUSR1, and says so on stdout: see `announcements`.
"""

import asyncio
import json
import logging
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from local_azure import steady_clock
from local_azure.announcements import CLOCK
from local_azure.configuration import ConfigurationError
from local_azure.os_errors import explained

FILE = "clock.json"
FIELD = "secondsAhead"
# Ten years: enough for every retention period, and no time is beyond what the SDKs can represent.
MOST_SECONDS_AHEAD = 3650 * 86_400

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _UNITS), re.ASCII)

_log = logging.getLogger(__name__)


class MovableClock:
    """Time since 1970: evenly, from the wall clock's at the start of the process, and `seconds_ahead` of that."""

    def __init__(self, seconds_ahead: int = 0) -> None:
        self._seconds_ahead = seconds_ahead

    def seconds(self) -> float:
        return steady_clock.seconds() + self._seconds_ahead

    def milliseconds(self) -> int:
        return steady_clock.milliseconds() + self._seconds_ahead * 1000

    def move(self, seconds_ahead: int) -> None:
        self._seconds_ahead = seconds_ahead


class ClockFileError(ConfigurationError):
    """The file that says how far the clock is ahead cannot be read or written, or is not valid."""


def read_seconds_ahead(state: Path) -> int:
    """From the state folder; 0 if nobody has moved the clock. Raises ClockFileError."""
    file = state / FILE
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        seconds = document.get(FIELD) if isinstance(document, dict) else None
        if type(seconds) is int and 0 <= seconds <= MOST_SECONDS_AHEAD:
            return seconds
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ClockFileError(f"how far the clock is ahead cannot be read: {explained(error)}") from None
    except ValueError:
        pass
    raise ClockFileError(f"{file}: this does not say how far the clock is ahead; delete it, or `reset` everything")


def write_seconds_ahead(state: Path, seconds: int) -> None:
    """Replaces the file atomically. Raises ClockFileError, and leaves it as it was."""
    file, new = state / FILE, state / f"{FILE}.new"
    try:
        new.write_text(json.dumps({FIELD: seconds}), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise ClockFileError(f"the clock was not moved: {explained(error)}") from None


def move_at_signal(state: Path, move: Callable[[int], None]) -> None:
    """From now on, SIGUSR1 makes the running event loop read the file, `move` the clock, and say so on stdout."""

    def read_again() -> None:
        try:
            seconds = read_seconds_ahead(state)
        except ClockFileError as error:
            _log.error("the clock was not moved: %s", error)
            return
        move(seconds)
        sys.stdout.write(f"{CLOCK} {seconds}\n")
        sys.stdout.flush()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, read_again)


def parse_duration(text: str) -> int:
    """The seconds of a duration such as `5d`, `1h30m` or `90s`. Raises ValueError, whose message is for people."""
    if text.startswith("-"):
        raise ValueError("the clock only moves forward; `local-azure reset` sets it back, and deletes the data")
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration: write days, hours, minutes and seconds as in 5d, 1h30m or 90s")
    seconds = sum(int(count or 0) * size for count, size in zip(match.groups(), _UNITS.values(), strict=True))
    if not seconds:
        raise ValueError("the clock only moves forward: write a duration above zero")
    if seconds > MOST_SECONDS_AHEAD:
        raise ValueError(f"the clock is moved by {duration_text(MOST_SECONDS_AHEAD)} at most")
    return seconds


def duration_text(seconds: int) -> str:
    """Like `5d` or `1h30m`, as `parse_duration` reads it; `0s` for none."""
    parts = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"
