import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.session_keys import read_public_keys

PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEY: dict[str, Any] = {**ECAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True), "kid": "one"}
PRIVATE_KEY: dict[str, Any] = {**ECAlgorithm.to_jwk(PRIVATE, as_dict=True), "kid": "one"}
OTHER: dict[str, Any] = {
    **ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True),
    "kid": "two",
}
P384 = {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True), "kid": "three"}
RSA = {**RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True), "kid": "four"}
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwks(*keys: object) -> str:
    return json.dumps({"keys": keys})


def test_keys_are_read_by_their_kid() -> None:
    keys = read_public_keys(jwks(KEY, {**OTHER, "alg": "ES256", "use": "sig"}))

    assert list(keys) == ["one", "two"]
    assert keys["one"].public_numbers() == PRIVATE.public_key().public_numbers()


WRONG = {
    "nothing": ("", "JWKS"),
    "no JSON": ("{", "JWKS"),
    "deep": ("[" * 100_000, "JWKS"),
    "a list": ("[]", "JWKS"),
    "a key": (json.dumps(KEY), "JWKS"),
    "a name": (jwks("one"), "JWKS"),
    "no key": (jwks(), "one key, or two"),
    "three keys": (jwks(KEY, OTHER, {**OTHER, "kid": "three"}), "one key, or two"),
    "one kid": (jwks(KEY, {**OTHER, "kid": "one"}), "different"),
    "an empty kid": (jwks({**KEY, "kid": ""}), "`kid`"),
    "a number": (jwks({**KEY, "kid": 1}), "`kid`"),
    "no kid": (jwks({name: KEY[name] for name in ("kty", "crv", "x", "y")}), "`kid`"),
    "RSA": (jwks(RSA), "P-256"),
    "P-384": (jwks(P384), "P-256"),
    "a point of P-384": (jwks({**P384, "crv": "P-256"}), "no point"),
    "a point beside the curve": (jwks({**KEY, "x": OTHER["x"]}), "no point"),
    "no x": (jwks({**KEY, "x": None}), "no point"),
    "another algorithm": (jwks({**KEY, "alg": "ES384"}), "ES256"),
    "another use": (jwks({**KEY, "use": "enc"}), "ES256"),
}
"""What it is → the text, and a part of the reason."""

WITH_PRIVATE_KEY = {
    "a key": jwks(PRIVATE_KEY),
    "the second key": jwks(OTHER, PRIVATE_KEY),
    "a key alone": json.dumps(PRIVATE_KEY),
    "a list": json.dumps([PRIVATE_KEY]),
    "a symmetric key": jwks({"kty": "oct", "k": PRIVATE_KEY["d"], "kid": "one"}),
    "PEM": PEM,
    "PEM in JSON": json.dumps(PEM),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_anything_but_one_or_two_keys_of_p256_is_refused(wrong: str) -> None:
    text, reason = WRONG[wrong]

    with pytest.raises(ValueError, match=reason):
        read_public_keys(text)


@pytest.mark.parametrize("wrong", WITH_PRIVATE_KEY)
def test_a_private_key_is_refused_and_not_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="contains a private key") as refused:
        read_public_keys(WITH_PRIVATE_KEY[wrong])

    shown = "".join(map(repr, (refused.value, refused.value.__context__, refused.value.__cause__)))
    assert PRIVATE_KEY["d"] not in shown
    assert PEM.splitlines()[1] not in shown
