"""Sessions of operators: their token of Entra ID, in a cookie that nobody else can read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from web.cookies import SealedCookie
from web.ports import OperatorToken

LONGEST_SECONDS: Final = 86_400
"""Entra ID's tokens are valid for an hour or so; a tenant may set a day at most."""


@dataclass(frozen=True)
class OperatorSession:
    """An operator who has signed in. `token`: proves it to the other apps. `name`: to be shown."""

    token: str = field(repr=False)
    name: str = field(repr=False)


class OperatorSessions:
    """Begins and reads the session of a browser. It ends with the token, and is not renewed."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        """`secret`: COOKIE_KEY."""
        self._cookie = SealedCookie("operator", secret, LONGEST_SECONDS)
        self._now = now

    def of(self, origin: str, cookies: str | None) -> OperatorSession | None:
        """`cookies`: the Cookie header."""
        content = self._cookie.open(origin, cookies)
        if content is None or datetime.fromisoformat(content["expires_at"]) <= self._now():
            return None
        return OperatorSession(content["token"], content["name"])

    def begin(self, origin: str, token: OperatorToken) -> str:
        """The Set-Cookie text. Raises ValueError if the token is too long for a cookie."""
        content = {"token": token.token, "name": token.name, "expires_at": token.expires_at.isoformat()}
        seconds = int((token.expires_at - self._now()).total_seconds())
        return self._cookie.set(origin, content, max(0, seconds))

    def end(self, origin: str) -> str:
        """The Set-Cookie text by which the browser forgets it."""
        return self._cookie.end(origin)
