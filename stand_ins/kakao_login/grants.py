"""What the stand-in remembers while it runs: codes, each good for one exchange, and access tokens."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stand_ins.kakao_login.people import Person
from stand_ins.kakao_login.tokens import TOKEN_SECONDS

CODE_SECONDS: Final = 600
MOST_KEPT: Final = 10_000
"""The oldest are forgotten, however many sign in."""


@dataclass(frozen=True)
class Grant:
    """Who has signed in, for which request. `challenge`: of the method S256 (RFC 7636), or empty."""

    person: Person
    redirect_uri: str
    scopes: frozenset[str]
    nonce: str
    challenge: str

    def is_proven_by(self, verifier: str) -> bool:
        """Whether who exchanges the code has begun the sign-in."""
        if not self.challenge:
            return True
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return hmac.compare_digest(challenge.encode(), self.challenge.encode())


class Grants:
    """Grants by random names, each for some seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """`clock`: seconds, monotonic."""
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[str, tuple[Grant, float]] = {}

    def add(self, grant: Grant) -> str:
        """Its name."""
        if len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        name = secrets.token_urlsafe(40)
        self._kept[name] = grant, self._clock() + self._seconds
        return name

    def get(self, name: str) -> Grant | None:
        """None if there is none, or no more."""
        grant, until = self._kept.get(name, (None, 0.0))
        return grant if self._clock() < until else None

    def take(self, name: str) -> Grant | None:
        """It is gone then."""
        grant = self.get(name)
        self._kept.pop(name, None)
        return grant

    def end_all_of(self, person: Person) -> None:
        """Nothing that this person has granted is good any more."""
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0].person != person}


def codes(clock: Callable[[], float]) -> Grants:
    return Grants(CODE_SECONDS, clock)


def access_tokens(clock: Callable[[], float]) -> Grants:
    return Grants(TOKEN_SECONDS, clock)
