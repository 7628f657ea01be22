"""Session tokens, as the other apps believe them: signed here, and read with the public keys that every app has."""

from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from shared.adapters.session_issuer import SessionIssuer
from shared.adapters.tokens import Expected, session_claims
from shared.domain.errors import Unauthenticated
from web.sessions import Session


class SessionTokens:
    """Both sides of a session token."""

    def __init__(self, issuer: SessionIssuer, keys: Mapping[str, EllipticCurvePublicKey], expected: Expected) -> None:
        """`keys`: SESSION_PUBLIC_KEYS. `expected`: SESSION_ISSUER and SESSION_AUDIENCE."""
        self._issuer = issuer
        self._keys = keys
        self._expected = expected

    def issue(self, subject: str, signed_in_at: datetime, expires_at: datetime) -> Session:
        """A session whose token is signed now. Raises ValueError for something that is no subject."""
        session = self.read(self._issuer.token(subject, signed_in_at, expires_at))
        if session is None:
            raise ValueError("a token of SESSION_PRIVATE_KEY is not accepted with SESSION_PUBLIC_KEYS")
        return session

    def read(self, token: str) -> Session | None:
        """The session of a token, or None if it is not valid now, or was not made by signing in."""
        try:
            claims = session_claims(token, self._keys, self._expected)
        except Unauthenticated:
            return None
        if not isinstance(claims.get("auth_time"), int):
            return None
        moments = (datetime.fromtimestamp(claims[name], UTC) for name in ("auth_time", "iat", "exp"))
        return Session(claims["sub"], token, *moments)
