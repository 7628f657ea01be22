"""The public keys by which the tokens of customers are recognised: a JWKS (RFC 7517) with one or two keys of P-256."""

import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm

ALGORITHM: Final = "ES256"
CURVE: Final = "P-256"
# Two while one follows the other: the new one is known everywhere before anything is signed with it.
MOST_KEYS: Final = 2
# What only private and symmetric keys have (RFC 7518 §6).
PRIVATE_PARTS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_NO_JWKS: Final = "must be a JWKS: a JSON object with `keys`, a list of objects"
_PRIVATE: Final = (
    "contains a private key: set only the public part. Whoever could read the setting knows the private key now, so "
    "replace it"
)


def read_public_keys(text: str) -> Mapping[str, EllipticCurvePublicKey]:
    """The keys by their `kid`. Raises ValueError, whose message shows nothing of the text."""
    if "PRIVATE KEY" in text:
        raise ValueError(_PRIVATE)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_NO_JWKS) from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if any(
        isinstance(part, dict) and PRIVATE_PARTS & part.keys()
        for part in (document, *_listed(document), *_listed(entries))
    ):
        raise ValueError(_PRIVATE)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(_NO_JWKS)
    if not 1 <= len(entries) <= MOST_KEYS:
        raise ValueError("must have one key, or two while one follows the other")
    keys = dict(_public_key(entry) for entry in entries)
    if len(keys) < len(entries):
        raise ValueError("must have keys with different `kid`s")
    return keys


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _public_key(entry: Mapping[str, Any]) -> tuple[str, EllipticCurvePublicKey]:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("must have a `kid` in each key")
    if entry.get("kty") != "EC" or entry.get("crv") != CURVE:
        raise ValueError("must have only keys with `kty` EC and `crv` P-256")
    if entry.get("alg", ALGORITHM) != ALGORITHM or entry.get("use", "sig") != "sig":
        raise ValueError("must have only keys for signatures with ES256")
    try:
        key = ECAlgorithm.from_jwk(dict(entry))
    except (PyJWTError, ValueError, TypeError):  # their messages may repeat the key
        raise ValueError("has a key whose `x` and `y` are no point of P-256") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError(_PRIVATE)  # noqa: TRY004 it is the value that is wrong
    return kid, key
