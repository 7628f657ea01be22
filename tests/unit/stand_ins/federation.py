"""An app with a managed identity, and the stand-in that trusts it."""

import time
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stand_ins.entra.federation import AUDIENCE, FederatedCredential

ISSUER: Final = "https://login.local-azure.invalid/10ca1a2e-0000-4000-8000-000000000000/v2.0"
IDENTITY: Final = "5a7ec0de-0000-4000-8000-000000000004"
KEY: Final = ec.generate_private_key(ec.SECP256R1())


def credential(folder: Path) -> FederatedCredential:
    """By which the app of IDENTITY proves itself."""
    file = folder / "identity-public-key.pem"
    file.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return FederatedCredential(ISSUER, IDENTITY, file)


def assertion(key: Any = KEY, algorithm: str = "ES256", **changes: object) -> str:
    """A token of the identity, with other claims if wanted; None leaves one out."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": IDENTITY, "iat": now, "nbf": now, "exp": now + 3600, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)
