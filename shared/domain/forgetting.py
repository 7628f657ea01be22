"""How long what is about a person may stay once that person has cancelled: docs/decisions/0034-forgetting.md.

One clock counts for all copies: the time of the cancellation. What is copied gets what is left of it.
"""

from datetime import datetime, timedelta
from typing import Final

FORGET_AFTER: Final = timedelta(days=5)
"""From cancelling until nothing about the person is left anywhere ("without delay", PIPA article 21)."""

UNHANDLED_AFTER: Final = timedelta(days=4.5)
"""From an event until no message of it is delivered any more. The rest is for removing what expired and was kept."""

SETTLED_AFTER: Final = timedelta(minutes=10)
"""From cancelling until whatever the customer's requests had begun is stored, also by an app that is being replaced."""

KEPT_FOR: Final = FORGET_AFTER - SETTLED_AFTER
"""The longest time to live of a copy in the database: it is written a little later than what it is about happened."""

SHORTEST: Final = timedelta(seconds=1)
"""The shortest time to live there is. What is late expires at once."""


def message_lifetime(expires_at: datetime, now: datetime) -> timedelta:
    """The time to live of a message that is sent now, never more than `UNHANDLED_AFTER`."""
    return min(max(expires_at - now, SHORTEST), UNHANDLED_AFTER)


def time_left(since: datetime, lifetime: timedelta, now: datetime) -> timedelta:
    """What is left of `lifetime`, at least `SHORTEST`."""
    return max(since + lifetime - now, SHORTEST)


def seconds_left(since: datetime, lifetime: timedelta, now: datetime) -> int:
    """The same in whole seconds, as a time to live of Cosmos DB."""
    return max(1, int(time_left(since, lifetime, now).total_seconds()))
