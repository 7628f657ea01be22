"""Keys, access tokens and id tokens as Entra ID makes them (version 2.0)."""

import base64
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_BITS: Final = 2048
TOKEN_SECONDS: Final = 3600
# Entra ID dates its tokens back, for clocks that are slow.
DATED_BACK_SECONDS: Final = 300


class SigningKey:
    """A key pair with a name. Making one takes a tenth of a second."""

    def __init__(self) -> None:
        self.kid = secrets.token_urlsafe(20)
        self._private = rsa.generate_private_key(65537, KEY_BITS)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims."""
        return jwt.encode(claims, self._private, "RS256", headers={"kid": self.kid})

    def jwk(self, issuer: str) -> dict[str, str]:
        """The public key as in Entra ID's JWKS, which states no `alg`."""
        numbers = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": numbers["n"], "e": numbers["e"], "issuer": issuer}


@dataclass(frozen=True)
class Person:
    """Somebody in the tenant: the same name has the same object id in every process, whatever the roles."""

    tenant: str
    name: str
    roles: Sequence[str] = ()

    @property
    def object_id(self) -> str:
        return str(uuid.uuid5(uuid.UUID(self.tenant), self.name))


def access_token(key: SigningKey, issuer: str, audience: str, person: Person, *, proven: bool = False) -> str:
    """A token of the person for the API `audience`. Without roles it has no claim `roles`, as at Entra ID.

    `proven`: whether the client has proved itself by an assertion.
    """
    claims = {
        **_claims(issuer, audience, person),
        "azp": audience,
        "azpacr": "2" if proven else "0",
        "scp": "access",
    }
    return key.sign(claims)


def id_token(key: SigningKey, issuer: str, client_id: str, person: Person, nonce: str) -> str:
    """What tells the app who has signed in (OpenID Connect Core §2)."""
    return key.sign({**_claims(issuer, client_id, person), "nonce": nonce})


def _claims(issuer: str, audience: str, person: Person) -> dict[str, Any]:
    """What both kinds of tokens say."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "aud": audience,
        "iss": issuer,
        "iat": now - DATED_BACK_SECONDS,
        "nbf": now - DATED_BACK_SECONDS,
        "exp": now + TOKEN_SECONDS,
        "name": person.name,
        "oid": person.object_id,
        "preferred_username": f"{person.name}@example.com",
        "sub": _pairwise(person, audience),
        "tid": person.tenant,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    return {**claims, "roles": list(person.roles)} if person.roles else claims


def _pairwise(person: Person, audience: str) -> str:
    """Another `sub` for each audience (OpenID Connect Core §8.1)."""
    name = uuid.uuid5(uuid.UUID(person.object_id), audience).bytes
    return base64.urlsafe_b64encode(name).rstrip(b"=").decode()
