"""Recognising callers by their tokens: one verifier, two issuers. Ours signs for customers, Entra ID for operators.

JSON Web Tokens (RFC 7519) as their best current practice has them (RFC 8725): each issuer has one algorithm, its own
keys, and exactly one `iss` and `aud`. So no token of the one is ever taken for one of the other.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.domain.callers import OPERATOR_ROLE, SUBJECT, CustomerSession, Nobody, Operator
from shared.domain.errors import Forbidden, Unauthenticated
from shared.session_keys import ALGORITHM as SESSION_ALGORITHM

OPERATOR_ALGORITHM: Final = "RS256"

LEEWAY_SECONDS: Final = 60
"""By how much the clocks of two machines may differ."""

LONGEST_TOKEN: Final = 8192
"""Characters. Ours have some 400. Those of Entra ID have some 2,000, if the app registration adds no groups to them."""

# Genuine tokens have as many different headers as there are keys. Reading one takes a sixth of a verification.
KEPT_HEADERS: Final = 64

BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
# Without padding (RFC 7515 §2), which PyJWT would accept. Any other text of the same bytes it refuses.
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# Checked after the signature, so only the holder of a genuine token learns which it is.
_REASONS: Final[Sequence[tuple[type[jwt.InvalidTokenError], str]]] = (
    (jwt.InvalidSignatureError, "its signature is wrong"),
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidAudienceError, "it is for somebody else"),
    (jwt.InvalidIssuerError, "it is from another issuer"),
    (jwt.MissingRequiredClaimError, "it is incomplete"),
)
_MALFORMED: Final = "it is not a token as this system accepts them"


@dataclass(frozen=True)
class Expected:
    """What a token must say: `iss` and `aud`, letter by letter."""

    issuer: str
    audience: str


class OperatorKeys(Protocol):
    """The keys of Entra ID."""

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key of this name, or None if Entra ID has none. Raises Unavailable."""


class TokenVerifier:
    """Recognises who calls. Of a token it keeps nothing but the header."""

    def __init__(
        self,
        sessions: Expected,
        session_keys: Mapping[str, EllipticCurvePublicKey],
        operators: Expected,
        operator_keys: OperatorKeys,
    ) -> None:
        """`session_keys`: the public keys of customers' tokens by their `kid`."""
        self._sessions = sessions
        self._session_keys = session_keys
        self._operators = operators
        self._operator_keys = operator_keys

    async def caller(self, authorization: str | None) -> CustomerSession | Operator | Nobody:
        """Who calls with this Authorization header (RFC 6750 §2.1); None: there is none.

        Raises Unauthenticated, Forbidden for somebody of Entra ID who is no operator, Unavailable.
        """
        if authorization is None:
            return Nobody()
        bearer = BEARER.fullmatch(authorization)
        if not bearer:
            raise Unauthenticated("The Authorization header must be: Bearer TOKEN.")
        token = bearer[1]
        algorithm, kid = _algorithm_and_key(token)
        if algorithm == SESSION_ALGORITHM:
            return CustomerSession(session_claims(token, self._session_keys, self._sessions)["sub"])
        if algorithm == OPERATOR_ALGORITHM:
            return await self._operator(token, kid)
        raise _refused(_MALFORMED)

    async def _operator(self, token: str, kid: str) -> Operator:
        key = await self._operator_keys.key(kid)
        if key is None:
            raise _refused("its key is not known")
        claims = _claims(token, key, OPERATOR_ALGORITHM, self._operators)
        try:
            object_id = str(uuid.UUID(claims["oid"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _refused("it is incomplete") from None
        roles = claims.get("roles")
        if not isinstance(roles, list) or OPERATOR_ROLE not in roles:
            raise Forbidden(f"The role {OPERATOR_ROLE} is needed; an administrator of Entra ID gives it.")
        return Operator(object_id, frozenset(role for role in roles if isinstance(role, str)))


def session_claims(token: str, keys: Mapping[str, EllipticCurvePublicKey], expected: Expected) -> Mapping[str, Any]:
    """What a customer's token says: `sub`, `iat`, `exp` and perhaps `auth_time`. Raises Unauthenticated."""
    algorithm, kid = _algorithm_and_key(token)
    key = keys.get(kid)
    if key is None:
        raise _refused("its key is not known")
    if algorithm != SESSION_ALGORITHM:
        raise _refused(_MALFORMED)
    claims = _claims(token, key, SESSION_ALGORITHM, expected)
    if not SUBJECT.fullmatch(claims["sub"]):
        raise _refused("it is incomplete")
    return claims


def _refused(reason: str) -> Unauthenticated:
    return Unauthenticated(f"The token is not accepted: {reason}.")


def _algorithm_and_key(token: str) -> tuple[str, str]:
    if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        raise _refused(_MALFORMED)
    return _header(token.partition(".")[0])


@lru_cache(KEPT_HEADERS)
def _header(segment: str) -> tuple[str, str]:
    """`alg` and `kid`, before anything is verified: they only choose the key, and each key has one algorithm."""
    try:
        header = jwt.get_unverified_header(f"{segment}..")  # nothing is read of the rest
    except jwt.InvalidTokenError:
        raise _refused(_MALFORMED) from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        raise _refused(_MALFORMED)
    return algorithm, kid


def _claims(
    token: str, key: EllipticCurvePublicKey | RSAPublicKey, algorithm: str, expected: Expected
) -> Mapping[str, Any]:
    """What a genuine and valid token says. Raises Unauthenticated."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=expected.audience,
            issuer=expected.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "sub", "exp", "nbf", "iat"], "strict_aud": True},
        )
    except jwt.InvalidTokenError as error:
        reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), _MALFORMED)
        raise _refused(reason) from None
    return claims
