"""Keys and id tokens as Kakao makes them, and wrong ones."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from stand_ins.kakao_login.faults import WrongToken

KEY_BITS: Final = 2048
TOKEN_SECONDS: Final = 21_600
"""Id and access token alike, as for a REST API key."""
ELSEWHERE: Final = "https://elsewhere.example"
A_DAY: Final = 86_400


class SigningKey:
    """A key pair with a name. Making one takes a tenth of a second."""

    def __init__(self) -> None:
        self.kid = secrets.token_hex(16)
        self._private = rsa.generate_private_key(65537, KEY_BITS)

    def sign(self, claims: Mapping[str, Any], kid: str | None = None) -> str:
        """A token with these claims. `kid`: another name than that of the key."""
        # Not jwt.encode, which refuses some of the claims that are wrong on demand.
        return jwt.PyJWS().encode(json.dumps(claims).encode(), self._private, "RS256", headers={"kid": kid or self.kid})

    def sign_as_secret(self, claims: Mapping[str, Any]) -> str:
        """Signed with HS256 and the public key as its secret, for whoever lets a token choose its algorithm."""
        public = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = _unsigned({"alg": "HS256", "typ": "JWT", "kid": self.kid}, claims)
        return f"{signed}.{_encoded(hmac.digest(public, signed.encode(), hashlib.sha256))}"

    def jwk(self) -> dict[str, str]:
        """The public key as in Kakao's JWKS."""
        numbers = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"kid": self.kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": numbers["n"], "e": numbers["e"]}


def id_token(key: SigningKey, claims: Mapping[str, Any], wrong: WrongToken | None = None) -> str | None:
    """An id token with these claims, or what there is instead of it; None if there is none."""
    if wrong is WrongToken.MISSING:
        return None
    claims = _wrong_claims(claims, wrong)
    instead: dict[WrongToken | None, Callable[[], str]] = {
        WrongToken.GARBAGE: lambda: "no.token.at-all",
        WrongToken.NONE: lambda: f"{_unsigned({'alg': 'none', 'typ': 'JWT', 'kid': key.kid}, claims)}.",
        WrongToken.HS256: lambda: key.sign_as_secret(claims),
        WrongToken.UNKNOWN_KEY: lambda: _stranger().sign(claims),
        WrongToken.FORGED: lambda: _stranger().sign(claims, key.kid),
    }
    return instead[wrong]() if wrong in instead else key.sign(claims)


@cache
def _stranger() -> SigningKey:
    """A key that is not published."""
    return SigningKey()


def _wrong_claims(claims: Mapping[str, Any], wrong: WrongToken | None) -> Mapping[str, Any]:
    now = int(time.time())
    changes: dict[WrongToken, dict[str, Any]] = {
        WrongToken.NONCE: {"nonce": "of-another-attempt"},
        WrongToken.NO_NONCE: {"nonce": None},
        WrongToken.AUDIENCE: {"aud": "another-app"},
        WrongToken.ISSUER: {"iss": ELSEWHERE},
        WrongToken.EXPIRED: {"iat": now - A_DAY, "exp": now - A_DAY + TOKEN_SECONDS},
        WrongToken.FUTURE: {"iat": now + A_DAY, "exp": now + A_DAY + TOKEN_SECONDS},
        WrongToken.SUBJECT: {"sub": "two words"},
        WrongToken.NO_SUBJECT: {"sub": None},
    }
    changed = {**claims, **(changes.get(wrong, {}) if wrong else {})}
    return {name: value for name, value in changed.items() if value is not None}


def _unsigned(header: Mapping[str, str], claims: Mapping[str, Any]) -> str:
    return ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
