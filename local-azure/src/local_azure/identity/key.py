"""The key of a running stack, in its state folder. Each start makes another: tokens of earlier runs are not valid."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING

from local_azure.identity import TOKEN_PATH
from local_azure.listening import HOST

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

PRIVATE_KEY, PUBLIC_KEY = "identity-key.pem", "identity-public-key.pem"


def create_key(folder: Path) -> None:
    """Writes both halves; only the owner may read the private one. Raises OSError.

    An elliptic curve: an RSA key as at Entra ID would take up to 0.2 s of each start.
    """
    # Most stacks have no identities, and do not wait for these imports.
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    encoding, public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / PRIVATE_KEY, private, mode=0o600)
    _write(folder / PUBLIC_KEY, key.public_key().public_bytes(encoding, public), mode=0o644)


def secret_of(app: str, folder: Path) -> str:
    """The IDENTITY_HEADER of an app, which belongs to the key. Raises OSError if there is no key."""
    return hmac.digest((folder / PRIVATE_KEY).read_bytes(), app.encode(), hashlib.sha256).hex()


def identity_settings(app: str, port: int, folder: Path) -> dict[str, str]:
    """The variables that App Service sets, by which the SDKs find the endpoint. Raises OSError if there is no key."""
    return {"IDENTITY_ENDPOINT": f"http://{HOST}:{port}{TOKEN_PATH}", "IDENTITY_HEADER": secret_of(app, folder)}


def private_key(folder: Path) -> "EllipticCurvePrivateKey":
    """Raises OSError if there is none."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    key = load_pem_private_key((folder / PRIVATE_KEY).read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError(f"{folder / PRIVATE_KEY} is not the key of a stack")
    return key


def public_key(folder: Path) -> "EllipticCurvePublicKey":
    """Raises OSError if there is none."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError(f"{folder / PUBLIC_KEY} is not the key of a stack")
    return key


def _write(file: Path, content: bytes, mode: int) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
        opened.write(content)
