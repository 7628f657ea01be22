"""What the pages need from elsewhere: two issuers at which people sign in, and the other apps."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, Self

# RFC 7636 §4.1 asks for 43 characters at least, which 32 bytes are.
RANDOM_BYTES: Final = 32


@dataclass(frozen=True)
class SignInAttempt:
    """One attempt to sign in. Only this browser knows it, until the issuer sends it back.

    `state` belongs to the attempt, `nonce` to its id token (OpenID Connect Core §3.1.2.1), `verifier` to its code
    (RFC 7636).
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        return cls(*(secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """The code challenge of the method S256."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


class SignInRefused(Exception):
    """The issuer, or what it answered, lets nobody in; another attempt may. The message names no value."""


class SignInUnavailable(Exception):
    """The issuer does not respond."""

    def __init__(self, message: str, retry_after: float) -> None:
        """`retry_after`: seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class KakaoLogin(Protocol):
    """Kakao as an OpenID provider. Each method raises SignInUnavailable."""

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in."""

    async def subject(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Who has signed in: Kakao's number for the person in this app. Raises SignInRefused."""


@dataclass(frozen=True)
class OperatorToken:
    """A token of Entra ID for this system. `name`: of the person, to be shown."""

    token: str = field(repr=False)
    expires_at: datetime
    name: str = field(repr=False)


class OperatorLogin(Protocol):
    """Entra ID as an OpenID provider. Each method raises SignInUnavailable."""

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        """Where the browser goes to sign in."""

    async def token(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> OperatorToken:
        """The token of who has signed in, with the role of operators or without. Raises SignInRefused."""


@dataclass(frozen=True)
class Answered:
    """What another app answered. `body`: the JSON object, empty if there is none. Nobody logs it.

    `headers`: their names in any case, as HTTP has them.
    """

    status: int
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def retry_after(self) -> float | None:
        """Seconds, if the app says so."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isdecimal() else None

    @property
    def problem(self) -> str:
        """The last part of the problem's type, such as `already-registered`; empty if it is no problem document."""
        return str(self.body.get("type", "")).rpartition(":")[2]

    @property
    def wrong_fields(self) -> Sequence[Mapping[str, str]]:
        """Of a 422: each with `field` and `reason`."""
        errors = self.body.get("errors", [])
        return [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []


class AppsUnavailable(Exception):
    """Another app did not answer in time, or not as it should."""


@dataclass(frozen=True)
class Calling:
    """Who calls the other apps. `token`: of the customer or operator. `forwarded_for`: where the browser is."""

    token: str = field(repr=False)
    forwarded_for: str = field(default="", repr=False)


class Apps(Protocol):
    """The other apps' HTTP interface, as infra/openapi.json describes it. Each method raises AppsUnavailable."""

    async def get(self, calling: Calling, path: str) -> Answered:
        """GET. `path` begins with a slash; its first part says which app it is."""

    async def download(self, calling: Calling, path: str) -> tuple[Answered, bytes]:
        """GET, with the body as it was sent."""

    async def send(
        self,
        calling: Calling,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """POST, PUT, PATCH or DELETE with a JSON body."""
