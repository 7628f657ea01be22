import hashlib
import hmac
import time
import traceback
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from shared.adapters.tokens import LEEWAY_SECONDS, LONGEST_TOKEN
from shared.domain.callers import CustomerSession, Nobody, Operator, require_customer, require_operator
from shared.domain.errors import Forbidden, Unauthenticated, Unavailable
from tests.unit.adapters.signing import (
    CUSTOMER_KEY,
    NEW_CUSTOMER_KEY,
    OBJECT_ID,
    OPERATOR_KEY,
    OPERATORS,
    RSA_STRANGER,
    SESSIONS,
    STRANGER,
    SUBJECT,
    FixedOperatorKeys,
    claims,
    customer_token,
    encoded,
    operator_token,
    unsigned,
    verifier,
)

CUSTOMER = CustomerSession(SUBJECT)
OPERATOR = Operator(OBJECT_ID, frozenset({"Operator"}))


async def caller(token: str) -> CustomerSession | Operator | Nobody:
    return await verifier().caller(f"Bearer {token}")


async def refusal(token: str) -> str:
    """Why the token is not accepted."""
    with pytest.raises(Unauthenticated) as refused:
        await caller(token)
    assert refused.value.token_sent
    return str(refused.value)


async def test_a_customer_is_recognised() -> None:
    assert await caller(customer_token()) == CUSTOMER


async def test_an_operator_is_recognised() -> None:
    assert await caller(operator_token(roles=["Other", "Operator"])) == Operator(
        OBJECT_ID, frozenset({"Other", "Operator"})
    )


async def test_a_call_without_a_token_is_nobodys() -> None:
    assert await verifier().caller(None) == Nobody()


async def test_the_name_of_the_scheme_may_be_in_any_case() -> None:
    assert await verifier().caller(f"bEARER  {customer_token()}") == CUSTOMER


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic eW9uOnNlY3JldA==", "{}", "Bearer {} {}", "Bearer {} "]
)
async def test_another_header_is_no_token(header: str) -> None:
    token = customer_token()

    with pytest.raises(Unauthenticated):
        await verifier().caller(header.format(token, token))


@pytest.mark.parametrize("make", [customer_token, operator_token])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": -LEEWAY_SECONDS - 2}, "expired"),
        ({"nbf": LEEWAY_SECONDS + 30}, "not valid yet"),
        ({"iat": LEEWAY_SECONDS + 30}, "not valid yet"),
    ],
)
async def test_a_token_has_its_time(make: Callable[..., str], changes: dict[str, int], reason: str) -> None:
    now = int(time.time())
    moved = {name: now + seconds for name, seconds in changes.items()}

    assert reason in await refusal(make(**moved))


@pytest.mark.parametrize("make", [customer_token, operator_token])
async def test_clocks_may_differ_a_little(make: Callable[..., str]) -> None:
    now = int(time.time())

    await caller(make(exp=now - LEEWAY_SECONDS + 30))
    await caller(make(nbf=now + LEEWAY_SECONDS - 5, iat=now + LEEWAY_SECONDS - 5))


@pytest.mark.parametrize("make", [customer_token, operator_token])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another"}, "for somebody else"),
        ({"aud": [SESSIONS.audience, OPERATORS.audience]}, "for somebody else"),
        ({"iss": "https://kauth.kakao.com"}, "another issuer"),
        ({"iss": SESSIONS.issuer + "/"}, "another issuer"),
        ({"iss": OPERATORS.issuer + "/"}, "another issuer"),
        ({"iss": [SESSIONS.issuer, OPERATORS.issuer]}, "another issuer"),
        *(({name: None}, "incomplete") for name in ("iss", "aud", "sub", "exp", "nbf", "iat")),
        ({"sub": 1376016924}, "not a token"),
    ],
)
async def test_a_token_must_say_everything(make: Callable[..., str], changes: dict[str, object], reason: str) -> None:
    assert reason in await refusal(make(**changes))


@pytest.mark.parametrize("subject", ["", " ", "1376 016924", "1376016924\n", "연", "1" * 256])
async def test_a_customer_has_a_number(subject: str) -> None:
    assert "incomplete" in await refusal(customer_token(sub=subject))


@pytest.mark.parametrize("object_id", [None, "", "me", 7, ["6a5c8d2e-0000-4000-8000-000000000001"]])
async def test_an_operator_has_an_object_id(object_id: object) -> None:
    assert "incomplete" in await refusal(operator_token(oid=object_id))


@pytest.mark.parametrize("roles", [None, [], ["Reader"], "Operator", {"Operator": True}, ["operator"]])
async def test_who_has_not_the_role_is_known_and_not_let_in(roles: object) -> None:
    with pytest.raises(Forbidden):
        await caller(operator_token(roles=roles))


async def test_a_token_of_a_stranger_is_refused() -> None:
    assert "signature" in await refusal(customer_token(STRANGER))
    assert "signature" in await refusal(operator_token(RSA_STRANGER))
    assert "key is not known" in await refusal(customer_token(kid="two"))
    assert "key is not known" in await refusal(operator_token(kid="two"))


@pytest.mark.parametrize("kid", ["one", "rsa", None])
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "HS256", "ES384", "PS256", ["ES256"], 1])
async def test_no_other_algorithm_is_accepted(algorithm: object, kid: object) -> None:
    for expected in (SESSIONS, OPERATORS):
        signed_part = unsigned({"alg": algorithm, "kid": kid, "typ": "JWT"}, claims(expected))
        for signature in ("", "AA"):
            assert "not a token" in await refusal(f"{signed_part}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "RS256"])
@pytest.mark.parametrize("key", [CUSTOMER_KEY.public_key(), OPERATOR_KEY.public_key()])
@pytest.mark.parametrize("kid", ["one", "rsa"])
async def test_a_public_key_is_no_secret_to_sign_with(key: ec.EllipticCurvePublicKey, kid: str, algorithm: str) -> None:
    for expected in (SESSIONS, OPERATORS):
        signed_part = unsigned({"alg": algorithm, "kid": kid}, claims(expected))
        for encoding in (Encoding.PEM, Encoding.DER):
            secret = key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
            await refusal(f"{signed_part}.{encoded(hmac.digest(secret, signed_part.encode(), hashlib.sha256))}")


async def test_a_key_cannot_come_with_the_token() -> None:
    """RFC 7515 §4.1: jku, jwk and x5u name keys; nothing follows them."""
    token = customer_token(STRANGER)
    header = {"alg": "ES256", "kid": "one", "jku": "https://evil.example.com", "x5u": "https://evil.example.com"}
    payload, signature = token.split(".")[1:]

    await refusal(f"{unsigned(header, {}).partition('.')[0]}.{payload}.{signature}")


async def test_two_keys_are_valid_while_one_follows_the_other() -> None:
    both = verifier({"one": CUSTOMER_KEY, "two": NEW_CUSTOMER_KEY})
    old, new = customer_token(), customer_token(NEW_CUSTOMER_KEY, "two")

    assert await both.caller(f"Bearer {old}") == CUSTOMER
    assert await both.caller(f"Bearer {new}") == CUSTOMER
    for mixed in (customer_token(NEW_CUSTOMER_KEY, "one"), customer_token(CUSTOMER_KEY, "two")):
        with pytest.raises(Unauthenticated, match="signature"):
            await both.caller(f"Bearer {mixed}")


async def test_a_retired_key_is_no_longer_accepted() -> None:
    with pytest.raises(Unauthenticated, match="key is not known"):
        await verifier({"two": NEW_CUSTOMER_KEY}).caller(f"Bearer {customer_token()}")


async def test_neither_is_taken_for_the_other() -> None:
    with pytest.raises(Forbidden):
        require_customer(await caller(operator_token()))
    with pytest.raises(Forbidden):
        require_operator(await caller(customer_token()))


async def test_a_customers_key_cannot_sign_for_an_operator() -> None:
    token = customer_token(iss=OPERATORS.issuer, aud=OPERATORS.audience)

    assert "another issuer" in await refusal(token)


async def test_without_entra_id_customers_go_on_and_operators_wait() -> None:
    alone = verifier(operator_keys=FixedOperatorKeys(down=True))

    assert await alone.caller(f"Bearer {customer_token()}") == CUSTOMER
    with pytest.raises(Unavailable):
        await alone.caller(f"Bearer {operator_token()}")


async def test_a_refusal_never_repeats_the_token() -> None:
    genuine = customer_token(exp=1)
    for token in (genuine, customer_token(STRANGER), "x" * LONGEST_TOKEN + genuine, f"{genuine}.", f"secret{genuine}"):
        try:
            await caller(token)
        except Unauthenticated as refused:
            shown = "".join(traceback.format_exception(refused, chain=True))
            assert not any(part in shown for part in token.split(".") if part)
            assert SUBJECT not in shown
        else:
            pytest.fail("it was accepted")


VALID = {"customer": customer_token(), "operator": operator_token()}
CHARACTERS = st.characters(min_codepoint=0, max_codepoint=0x2FF)


@st.composite
def mutations(draw: st.DrawFn, token: str) -> str:
    """The token with some characters changed, removed or added."""
    start = draw(st.integers(0, len(token)))
    end = draw(st.integers(start, min(len(token), start + 3)))
    return token[:start] + draw(st.text(CHARACTERS, max_size=3)) + token[end:]


@pytest.mark.parametrize("kind", VALID)
@given(choices=st.data())
async def test_no_mutation_of_a_token_is_accepted(kind: str, choices: st.DataObject) -> None:
    mutated = choices.draw(mutations(VALID[kind]))

    if mutated != VALID[kind]:
        with pytest.raises(Unauthenticated):
            await caller(mutated)


async def test_a_genuine_token_has_a_reasonable_length() -> None:
    await caller(customer_token(extra="x" * (LONGEST_TOKEN // 2)))

    assert "not a token" in await refusal(customer_token(extra="x" * LONGEST_TOKEN))


@pytest.mark.parametrize("kind", VALID)
async def test_a_signature_can_be_written_in_one_way_only(kind: str) -> None:
    """Its last character has four bits that no byte needs, and base64 elsewhere is padded."""
    token = VALID[kind]
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ ":
        if last != token[-1]:
            await refusal(token[:-1] + last)
        await refusal(token + last)
    for padded in (f"{token}==", token.replace(".", "=."), token.replace(".", "==.")):
        await refusal(padded)


@given(st.text())
@example("[" * 3000)
@example(encoded(b'{"alg":"ES256","kid":"one","b64":false,"crit":["b64"]}') + "..AA")
@example(encoded(b'{"alg":"ES256","kid":"one"}') + ".AA.AA")
@example(encoded(b"[" * 3000) + ".AA.AA")
@example(encoded(b"9" * 5000) + ".AA.AA")
@example(encoded(b"\xff") + ".AA.AA")
async def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier().caller(f"Bearer {text}")
