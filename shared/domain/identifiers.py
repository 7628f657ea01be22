"""Identifiers: time-ordered UUIDs."""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NewType

type Clock = Callable[[], datetime]
type NewId = Callable[[], str]

CustomerId = NewType("CustomerId", str)
"""A UUID as this system writes it: lower case, with hyphens."""


def utc_now() -> datetime:
    """The wall clock in UTC, in whole milliseconds: as it is stored and sent."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def uuid7(moment: datetime, random_bits: int) -> str:
    """A UUIDv7 for `moment` in lower-case text (RFC 9562 §5.7).

    The twelve bits after the version hold the fraction of the millisecond (RFC 9562 §6.2, method 3), so that ids made
    one after the other sort in that order. `random_bits`: 62 random bits.
    """
    milliseconds, microseconds = divmod(int(moment.timestamp() * 1_000_000), 1000)
    fraction = microseconds * 4096 // 1000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random_bits
    return str(uuid.UUID(int=value))


def first_uuid7(moment: datetime) -> str:
    """The lowest UUIDv7 for `moment`: those made earlier are lower, and those made later higher."""
    return uuid7(moment, 0)


def new_uuid7() -> str:
    """A UUIDv7 for this moment."""
    return uuid7(datetime.now(UTC), secrets.randbits(62))


def parse_customer_id(text: str) -> CustomerId | None:
    """The customer id in `text`, or None if it is not a UUID in lower case with hyphens."""
    try:
        return CustomerId(text) if str(uuid.UUID(text)) == text else None
    except ValueError:
        return None
