"""Telling of a failure without telling what it was about: an exception's text may hold what a customer sent."""

import traceback
from pathlib import Path

ROOT = str(Path(__file__).parents[1])


class UnexpectedFailure(Exception):
    """What nobody foresaw. The message has its type and its place: enough to find it, and nothing personal."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(described(error))


def described(error: BaseException) -> str:
    """Its type, the status it may have, and where it was raised: the last lines of our own code and of all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(ROOT) and "site-packages" not in frame.filename]
    ends = dict.fromkeys(f"{frame.filename}:{frame.lineno}" for part in (own, frames) for frame in part[-1:])
    parts = (type(error).__name__, str(getattr(error, "status_code", "") or ""), "at", " > ".join(ends))
    return " ".join(part for part in parts if part)
