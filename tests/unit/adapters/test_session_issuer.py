import json
from datetime import timedelta

import jwt
import pytest
from jwt.algorithms import ECAlgorithm

from shared.adapters.session_issuer import SESSION_SECONDS, SessionIssuer, SigningKey
from shared.adapters.tokens import LEEWAY_SECONDS
from shared.domain.callers import CustomerSession
from shared.domain.errors import Unauthenticated
from shared.domain.identifiers import utc_now
from tests.unit.adapters.signing import CUSTOMER_KEY, OPERATOR_KEY, SESSIONS, SUBJECT, verifier
from tests.unit.shared.test_session_keys import KEY, P384, PEM

JWK = json.dumps({**ECAlgorithm.to_jwk(CUSTOMER_KEY, as_dict=True), "kid": "one"})
SECRET = json.loads(JWK)["d"]


def issued(seconds_ago: int = 0) -> str:
    issuer = SessionIssuer(
        SigningKey.read(JWK),
        SESSIONS.issuer,
        SESSIONS.audience,
        now=lambda: utc_now() - timedelta(seconds=seconds_ago),
    )
    return issuer.token(SUBJECT)


async def test_a_token_is_accepted_for_an_hour() -> None:
    assert await verifier().caller(f"Bearer {issued()}") == CustomerSession(SUBJECT)
    assert await verifier().caller(f"Bearer {issued(SESSION_SECONDS)}") == CustomerSession(SUBJECT)

    with pytest.raises(Unauthenticated, match="expired"):
        await verifier().caller(f"Bearer {issued(SESSION_SECONDS + LEEWAY_SECONDS + 1)}")


def test_a_token_says_no_more_than_it_must() -> None:
    claims = jwt.decode(issued(), options={"verify_signature": False})

    assert claims.keys() == {"iss", "aud", "sub", "iat", "nbf", "exp"}
    assert claims["exp"] - claims["iat"] == 60 * 60


def test_a_signing_key_is_not_shown() -> None:
    assert repr(SigningKey.read(JWK)) == "SigningKey(kid='one')"


WRONG = {
    "nothing": "",
    "a list": "[]",
    "deep": "[" * 100_000,
    "no JSON": JWK[:-1],
    "a number as kid": JWK.replace('"one"', "1"),
    "no kid": JWK.replace('"kid"', '"name"'),
    "another curve": JWK.replace("P-256", "P-384"),
    "a part of a key": JWK.replace(SECRET, SECRET[:-4]),
    "a public key": json.dumps(KEY),
    "a public key of P-384": json.dumps(P384),
    "a JWKS": json.dumps({"keys": [json.loads(JWK)]}),
    "PEM": PEM,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_anything_but_a_private_key_is_refused_and_not_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="no private key of P-256") as refused:
        SigningKey.read(WRONG[wrong])

    assert SECRET[:8] not in "".join(map(repr, (refused.value, refused.value.__cause__, refused.value.__context__)))


def test_a_key_of_another_kind_is_refused() -> None:
    entry = {**jwt.algorithms.RSAAlgorithm.to_jwk(OPERATOR_KEY, as_dict=True), "kid": "one"}

    with pytest.raises(ValueError, match="no private key of P-256"):
        SigningKey.read(json.dumps(entry))
