"""Access tokens of managed identities, as Entra ID issues them, and what is checked of them."""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

ALGORITHM = "ES256"
# `.invalid` is nobody's (RFC 2606 §2): these are not tokens of Entra ID.
TENANT = "10ca1a2e-0000-4000-8000-000000000000"
ISSUER = f"https://login.local-azure.invalid/{TENANT}/v2.0"
# In seconds. Those of managed identities are valid for a day; the SDKs renew them after half of it.
LIFETIME = 24 * 60 * 60
# In seconds: by how much the wall clock may have been set since, as in Microsoft's libraries.
LEEWAY = 5 * 60
# A token without any of these is not accepted.
REQUIRED = ("iss", "aud", "oid", "iat", "nbf", "exp")


class TokenIssuer:
    """Issues the tokens of a stack. `clock` returns seconds since 1970."""

    def __init__(self, key: "EllipticCurvePrivateKey", clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def issue(self, identity: uuid.UUID, resource: str) -> tuple[str, int, int]:
        """A token for `resource`, and the times from which and until which it is valid."""
        now = int(self._clock())
        claims = {
            "aud": resource,
            "iss": ISSUER,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "oid": str(identity),
            "sub": str(identity),
            "tid": TENANT,
            "idtyp": "app",
            "uti": uuid.uuid4().hex,
            "ver": "2.0",
            # The id of the application: `azp` in tokens of version 2.0, `appid` in those of version 1.0.
            "azp": str(identity),
            "appid": str(identity),
        }
        return jwt.encode(claims, self._key, ALGORITHM), now, now + LIFETIME


def verified(token: str, public_key: "EllipticCurvePublicKey", audience: str) -> dict[str, Any]:
    """The claims of a valid token for `audience`. Raises jwt.InvalidTokenError."""
    claims: dict[str, Any] = jwt.decode(
        token,
        public_key,
        algorithms=[ALGORITHM],
        audience=audience,
        issuer=ISSUER,
        leeway=LEEWAY,
        options={"require": list(REQUIRED), "strict_aud": True},
    )
    return claims
