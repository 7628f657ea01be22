"""The stand-in speaks as Kakao does: what it gives a service, and what it refuses."""

import base64
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import jwt
import pytest

from stand_ins.kakao_login.grants import CODE_SECONDS, MOST_KEPT, Grant, Grants
from stand_ins.kakao_login.people import PEOPLE
from stand_ins.kakao_login.server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from stand_ins.kakao_login.tokens import TOKEN_SECONDS
from tests.unit.stand_ins.kakao import (
    ASKED,
    CHALLENGE,
    FORM,
    REDIRECT_URI,
    VERIFIER,
    YEON,
    Running,
    running_stand_in,
    without,
)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_stand_in() as running:
        yield running


async def test_it_describes_itself_as_kakao_does(running: Running) -> None:
    async with running.browser.get("/.well-known/openid-configuration") as response:
        found = await response.json()
    async with running.browser.get(found["jwks_uri"]) as response:
        published = (await response.json())["keys"]

    assert found["issuer"] == running.kakao.issuer
    assert found["authorization_endpoint"] == f"{running.kakao.issuer}/oauth/authorize"
    assert found["token_endpoint_auth_methods_supported"] == ["client_secret_post"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert urlsplit(found["userinfo_endpoint"]).netloc != urlsplit(found["issuer"]).netloc
    assert len(published) == 2
    assert all(key.keys() == {"kid", "kty", "alg", "use", "n", "e"} for key in published)


async def test_who_is_chosen_comes_back_with_a_code_and_the_state(running: Running) -> None:
    shown = await running.page("POST", {"person": YEON.number})

    assert shown.status == 302
    assert shown.location.startswith(f"{REDIRECT_URI}?")
    assert shown.query.keys() == {"code", "state"}
    assert shown.query["state"] == ASKED["state"]


async def test_a_redirect_uri_may_have_a_query(running: Running) -> None:
    uri = "https://ssak8.example/?page=callback"

    shown = await running.page("POST", {"person": YEON.number}, redirect_uri=uri)

    assert shown.location.startswith(f"{uri}&code=")


async def test_the_code_gives_the_tokens_of_kakao(running: Running) -> None:
    tokens = await running.tokens()

    assert tokens.keys() == {
        "token_type",
        "access_token",
        "id_token",
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "scope",
    }
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert claims.keys() == {"iss", "aud", "sub", "exp", "iat", "auth_time", "nonce", "nickname"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == (running.kakao.issuer, DEFAULT_CLIENT_ID, YEON.number)
    assert (claims["nonce"], claims["exp"] - claims["iat"]) == (ASKED["nonce"], TOKEN_SECONDS)
    header = jwt.get_unverified_header(tokens["id_token"])
    async with running.browser.get("/.well-known/jwks.json") as response:
        [key, _] = (await response.json())["keys"]
    assert (header["alg"], header["kid"]) == (key["alg"], key["kid"])


async def test_a_scope_without_openid_gives_no_id_token(running: Running) -> None:
    assert "id_token" not in await running.tokens(scope="profile_nickname")
    assert "id_token" in await running.tokens(scope="openid,profile_nickname")
    assert "id_token" in await running.tokens(scope="openid profile_nickname")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "another"}, "KOE101"),
        ({"client_id": None}, "KOE101"),
        ({"redirect_uri": f"{REDIRECT_URI}/"}, "KOE006"),
        ({"redirect_uri": f"{REDIRECT_URI}?a=b"}, "KOE006"),
        ({"redirect_uri": "http://ssak8.example/login/callback"}, "KOE006"),
        ({"redirect_uri": "https://evil.example/"}, "KOE006"),
        ({"redirect_uri": None}, "KOE006"),
        ({"response_type": "token"}, "KOE201"),
        ({"scope": "openid,profile"}, "KOE205"),
        ({"scope": "account_email"}, "KOE205"),
        ({"code_challenge_method": "plain"}, "KOE001"),
        ({"code_challenge_method": None}, "KOE001"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_kakao_refuses_sends_nobody_back(
    running: Running, method: str, changes: dict[str, str | None], code: str
) -> None:
    shown = await running.page(method, {"person": YEON.number} if method == "POST" else None, **changes)

    assert (shown.status, shown.location) == (400, "")
    assert code in shown.text


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"grant_type": None}, 400, "invalid_request", "KOE310"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", None),
        ({"client_id": "another"}, 401, "invalid_client", "KOE101"),
        ({"client_secret": "another"}, 401, "invalid_client", "KOE010"),
        ({"client_secret": None}, 401, "invalid_client", "KOE010"),
        ({"code": "made-up"}, 400, "invalid_grant", "KOE320"),
        ({"code": None}, 400, "invalid_grant", "KOE320"),
        ({"redirect_uri": "https://ssak8.example/?page=callback"}, 400, "invalid_grant", "KOE303"),
        ({"code_verifier": VERIFIER[::-1]}, 400, "invalid_grant", None),
        ({"code_verifier": None}, 400, "invalid_grant", None),
    ],
)
async def test_it_refuses_an_exchange_in_the_words_of_kakao(
    running: Running, changes: dict[str, str | None], status: int, error: str, code: str | None
) -> None:
    found, answer = await running.exchange(**{"code": await running.code(), **changes})

    assert (found, answer["error"], answer.get("error_code")) == (status, error, code)


async def test_a_secret_in_a_header_does_not_count(running: Running) -> None:
    form = without(FORM, client_secret=None, code=await running.code())
    basic = base64.b64encode(f"{DEFAULT_CLIENT_ID}:{DEFAULT_CLIENT_SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    async with running.browser.post("/oauth/token", data=form, headers=headers) as response:
        assert (response.status, (await response.json())["error_code"]) == (401, "KOE010")


async def test_without_a_challenge_no_verifier_is_needed(running: Running) -> None:
    code = await running.code(code_challenge=None, code_challenge_method=None)

    assert (await running.exchange(code=code, code_verifier=None))[0] == 200


async def test_a_code_is_good_once_and_for_ten_minutes(running: Running) -> None:
    code, old = await running.code(), await running.code()
    running.now.seconds = CODE_SECONDS - 1
    assert (await running.exchange(code=code))[0] == 200
    running.now.seconds = CODE_SECONDS

    for each in (code, old):
        assert (await running.exchange(code=each))[1]["error_code"] == "KOE320"


async def test_a_refresh_token_is_no_code(running: Running) -> None:
    tokens = await running.tokens()

    assert (await running.exchange(code=tokens["refresh_token"]))[1]["error_code"] == "KOE320"


async def test_an_access_token_tells_what_the_person_consented_to(running: Running) -> None:
    all_of_it = (await running.tokens())["access_token"]
    name_only = (await running.tokens(scope="openid profile_nickname"))["access_token"]

    assert await running.with_token("GET", "/v1/oidc/userinfo", all_of_it) == (
        200,
        {
            "sub": YEON.number,
            "nickname": YEON.nickname,
            "phone_number": YEON.phone_number,
            "phone_number_verified": True,
        },
    )
    assert await running.with_token("GET", "/v1/oidc/userinfo", name_only) == (
        200,
        {"sub": YEON.number, "nickname": YEON.nickname},
    )


async def test_logging_out_ends_one_token_and_unlinking_all(running: Running) -> None:
    first, second, third = [(await running.tokens())["access_token"] for _ in range(3)]
    others = (await running.tokens(person=PEOPLE[1].number))["access_token"]

    assert await running.with_token("POST", "/v1/user/logout", first) == (200, {"id": int(YEON.number)})
    assert (await running.with_token("GET", "/v1/oidc/userinfo", first))[1]["code"] == -401
    assert await running.with_token("POST", "/v1/user/unlink", second) == (200, {"id": int(YEON.number)})

    for path, token in (("/v1/oidc/userinfo", second), ("/v1/oidc/userinfo", third), ("/v1/oidc/userinfo", "")):
        status, answer = await running.with_token("GET", path, token)
        assert (status, answer["code"]) == (401, -401)
    assert (await running.with_token("GET", "/v1/oidc/userinfo", others))[0] == 200


async def test_a_new_key_signs_and_the_one_before_stays_published(running: Running) -> None:
    old = jwt.get_unverified_header((await running.tokens())["id_token"])["kid"]

    async with running.browser.post("/stand-in/rotate") as response:
        assert response.status == 204

    new = jwt.get_unverified_header((await running.tokens())["id_token"])["kid"]
    async with running.browser.get("/.well-known/jwks.json") as response:
        assert [key["kid"] for key in (await response.json())["keys"]] == [new, old]


async def test_faults_come_on_demand_and_go(running: Running) -> None:
    assert await running.faults({"status": 503, "calls": ["token"]}) == 200
    assert (await running.exchange(code="any"))[0] == 503
    async with running.browser.get("/.well-known/jwks.json") as response:
        assert response.status == 200

    assert await running.faults({"idToken": "wrong-nonce"}) == 200
    claims = jwt.decode((await running.tokens())["id_token"], options={"verify_signature": False})
    assert claims["nonce"] != ASKED["nonce"]

    assert await running.faults({}) == 200
    claims = jwt.decode((await running.tokens())["id_token"], options={"verify_signature": False})
    assert claims["nonce"] == ASKED["nonce"]


@pytest.mark.parametrize("body", [{"unknown": 1}, {"status": 200}, {"slowSeconds": -1}, {"idToken": "any"}, [], "text"])
async def test_a_fault_that_there_is_not_is_refused(running: Running, body: object) -> None:
    assert await running.faults(body) == 422
    assert (await running.exchange(code="any"))[1]["error_code"] == "KOE320"


async def test_too_many_requests_are_refused_as_at_kakao(running: Running) -> None:
    await running.faults({"status": 429})

    assert (await running.exchange(code="any"))[1]["error_code"] == "KOE237"


def test_what_is_kept_has_a_limit() -> None:
    grants = Grants(60, lambda: 0.0)
    grant = Grant(YEON, REDIRECT_URI, frozenset(), "", "")

    names = [grants.add(grant) for _ in range(MOST_KEPT + 1)]

    assert grants.get(names[0]) is None
    assert grants.get(names[-1]) == grant


def test_the_challenge_is_that_of_rfc_7636() -> None:
    assert base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=") == CHALLENGE
    assert Grant(YEON, REDIRECT_URI, frozenset(), "", CHALLENGE).is_proven_by(VERIFIER)
