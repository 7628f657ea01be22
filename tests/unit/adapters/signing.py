"""Keys and tokens for tests: genuine ones, and those that somebody makes up."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from shared.adapters.tokens import Expected, TokenVerifier
from shared.domain.errors import Unavailable

SESSIONS: Final = Expected("https://ssak8.example.com", "ssak8")
OPERATORS: Final = Expected("https://login.microsoftonline.com/0f0e0d0c-0000-4000-8000-000000000000/v2.0", "ssak8-api")
SUBJECT: Final = "1376016924"
OBJECT_ID: Final = "6a5c8d2e-0000-4000-8000-000000000001"

CUSTOMER_KEY: Final = ec.generate_private_key(ec.SECP256R1())
NEW_CUSTOMER_KEY: Final = ec.generate_private_key(ec.SECP256R1())
OPERATOR_KEY: Final = rsa.generate_private_key(65537, 2048)
STRANGER: Final = ec.generate_private_key(ec.SECP256R1())
RSA_STRANGER: Final = rsa.generate_private_key(65537, 2048)


def claims(expected: Expected, **changes: object) -> dict[str, object]:
    """A valid token's claims for both kinds; None takes a claim away."""
    now = int(time.time())
    valid = {
        "iss": expected.issuer,
        "aud": expected.audience,
        "sub": SUBJECT,
        "oid": OBJECT_ID,
        "roles": ["Operator"],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


def customer_token(key: PrivateKeyTypes = CUSTOMER_KEY, kid: str = "one", **changes: object) -> str:
    """A customer's token. `changes`: claims that are different."""
    return _signed(claims(SESSIONS, **changes), key, "ES256", kid)


def operator_token(key: PrivateKeyTypes = OPERATOR_KEY, kid: str = "rsa", **changes: object) -> str:
    """An operator's token. `changes`: claims that are different."""
    return _signed(claims(OPERATORS, **changes), key, "RS256", kid)


def _signed(payload: dict[str, Any], key: Any, algorithm: str, kid: str) -> str:
    # Not jwt.encode, which refuses some of the claims that a verifier must refuse.
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, algorithm, headers={"kid": kid})


def unsigned(header: Mapping[str, object], payload: Mapping[str, object]) -> str:
    """Header and payload, as they are signed."""
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, payload))


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class FixedOperatorKeys:
    """Entra ID with one key; `down`: it does not respond."""

    down: bool = False

    async def key(self, kid: str) -> rsa.RSAPublicKey | None:
        if self.down:
            raise Unavailable("down", 5)
        return OPERATOR_KEY.public_key() if kid == "rsa" else None


def verifier(
    keys: Mapping[str, ec.EllipticCurvePrivateKey] | None = None, operator_keys: FixedOperatorKeys | None = None
) -> TokenVerifier:
    """`keys`: those of customers' tokens."""
    public = {kid: key.public_key() for kid, key in (keys or {"one": CUSTOMER_KEY}).items()}
    return TokenVerifier(SESSIONS, public, OPERATORS, operator_keys or FixedOperatorKeys())
