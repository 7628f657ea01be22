"""Sessions of customers: the token that the other apps believe, in a cookie."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from web.cookies import Cookie, derived_key

IDLE: Final = timedelta(minutes=60)
"""Whoever does nothing for this long has to sign in again: no token is valid for longer."""
LONGEST: Final = timedelta(hours=12)
"""After signing in, whatever is done."""
RENEWED_AFTER: Final = timedelta(minutes=5)
"""Renewing costs a signature, and each renewed token is another that is valid."""

MARK_LENGTH: Final = 32
"""Hexadecimal digits: 128 bits, which nobody guesses."""


@dataclass(frozen=True)
class Session:
    """A customer who has signed in. `token`: proves it to the other apps."""

    subject: str = field(repr=False)
    token: str = field(repr=False)
    signed_in_at: datetime
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Renewed:
    """A session that has been prolonged, and the Set-Cookie text that says so."""

    session: Session
    cookie: str = field(repr=False)


class Tokens(Protocol):
    """Makes and reads session tokens."""

    def issue(self, subject: str, signed_in_at: datetime, expires_at: datetime) -> Session:
        """A session whose token is signed now."""

    def read(self, token: str) -> Session | None:
        """The session of a token, or None if it is not valid now."""


class Sessions:
    """Reads, begins, renews and ends the session of a browser."""

    def __init__(self, tokens: Tokens, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._now = now
        self._cookie = Cookie("session")

    def of(self, origin: str, cookies: str | None) -> Session | None:
        """`cookies`: the Cookie header."""
        value = self._cookie.value(origin, cookies)
        return self._tokens.read(value) if value else None

    def begin(self, origin: str, subject: str) -> str:
        """The Set-Cookie text of a new session. Raises ValueError for something that is no subject."""
        return self._set(origin, subject, self._now()).cookie

    def renew(self, origin: str, session: Session) -> Renewed | None:
        """A session that is being used, prolonged, or None if it need not or may not be."""
        if self._now() - session.issued_at < RENEWED_AFTER or _is_last(session):
            return None
        return self._set(origin, session.subject, session.signed_in_at)

    def left(self, session: Session) -> str:
        """How long it lasts, as a page tells its script: seconds, such as "3600", or "3600;last" at the longest."""
        seconds = max(0, int((session.expires_at - self._now()).total_seconds()))
        return f"{seconds};last" if _is_last(session) else str(seconds)

    def end(self, origin: str) -> str:
        """The Set-Cookie text that ends it. The token is valid until it expires, but nobody has it any more."""
        return self._cookie.end(origin)

    def _set(self, origin: str, subject: str, signed_in_at: datetime) -> Renewed:
        now = self._now()
        session = self._tokens.issue(subject, signed_in_at, min(now + IDLE, signed_in_at + LONGEST))
        seconds = int((session.expires_at - now).total_seconds())
        return Renewed(session, self._cookie.set(origin, session.token, seconds))


class Marks:
    """A mark in each form says whose form it is: of two people who use one browser, each may have a tab open."""

    def __init__(self, secret: str) -> None:
        """`secret`: COOKIE_KEY."""
        self._key = derived_key(secret, "form")

    def of(self, session: Session | None) -> str:
        """The same in every session of a customer, and nobody can tell who it is; empty for nobody."""
        return hmac.new(self._key, session.subject.encode(), "sha256").hexdigest()[:MARK_LENGTH] if session else ""


def _is_last(session: Session) -> bool:
    """Whether it lasts until LONGEST, so that it cannot be prolonged."""
    return session.expires_at >= session.signed_in_at + LONGEST
