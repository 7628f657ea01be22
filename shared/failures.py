"""Reporting a failure without its text, which may hold what a customer sent."""

import traceback
from pathlib import Path

ROOT = str(Path(__file__).parents[1])


class UnexpectedFailure(Exception):
    """Stands for an exception that nobody expected. The message has its type and place, and nothing personal."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(describe_failure(error))


def describe_failure(error: BaseException) -> str:
    """The exception's type, its HTTP status if it has one, and the last lines of our own code and of all code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(ROOT) and "site-packages" not in frame.filename]
    places = dict.fromkeys(f"{frame.filename}:{frame.lineno}" for part in (own, frames) for frame in part[-1:])
    parts = (type(error).__name__, str(getattr(error, "status_code", "") or ""), "at", " > ".join(places))
    return " ".join(part for part in parts if part)
