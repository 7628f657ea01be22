"""Signing the tokens of customers who have signed in. Only who holds the private key can."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm

from shared.domain.callers import SUBJECT
from shared.domain.identifiers import Clock, utc_now
from shared.session_keys import ALGORITHM, CURVE

SESSION_SECONDS: Final = 60 * 60
"""A session cannot be ended earlier, because nobody keeps a list of them."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the name (`kid`) by which its public key is known."""

    kid: str
    key: EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def read(cls, text: str) -> "SigningKey":
        """The key in a private JWK (RFC 7517) with `kid`. Raises ValueError, whose message shows nothing of it."""
        wrong = ValueError("this is no private key of P-256: a JSON Web Key with kty, crv, kid, x, y and d")
        try:
            entry = json.loads(text)
            key = ECAlgorithm.from_jwk(entry)
        except (PyJWTError, ValueError, TypeError, RecursionError):
            raise wrong from None
        kid = entry.get("kid")
        if not isinstance(key, EllipticCurvePrivateKey) or entry.get("crv") != CURVE or not isinstance(kid, str):
            raise wrong
        return cls(kid, key)


class SessionIssuer:
    """Signs tokens that the apps accept if their settings name this issuer, this audience and the public key."""

    def __init__(self, key: SigningKey, issuer: str, audience: str, now: Clock = utc_now) -> None:
        """`issuer`, `audience`: SESSION_ISSUER and SESSION_AUDIENCE of the apps."""
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._now = now

    def token(self, subject: str, signed_in_at: datetime | None = None, expires_at: datetime | None = None) -> str:
        """A token for the customer whom kakao calls `subject`; it is valid for SESSION_SECONDS, or until `expires_at`.

        `signed_in_at`: becomes `auth_time` (OpenID Connect Core §2). Raises ValueError.
        """
        if not SUBJECT.fullmatch(subject):
            raise ValueError("a customer's number at kakao has 1 to 255 ASCII characters without spaces")
        now = int(self._now().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + SESSION_SECONDS if expires_at is None else int(expires_at.timestamp()),
        }
        if signed_in_at:
            claims["auth_time"] = int(signed_in_at.timestamp())
        return jwt.encode(claims, self._key.key, ALGORITHM, headers={"kid": self._key.kid})
