"""The stand-in speaks as Kakao does: what it asks a person, what it gives a service, and what it refuses."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from stand_ins.kakao_login.grants import CODE_SECONDS, MOST_KEPT, Grant, Grants
from stand_ins.kakao_login.people import PEOPLE
from stand_ins.kakao_login.server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, HOST, KakaoStandIn, Registered
from stand_ins.kakao_login.tokens import TOKEN_SECONDS, SigningKey

REDIRECT_URI = "https://ssak8.example/login/callback"
SIGNED_OUT = "https://ssak8.example/"
YEON = PEOPLE[0]
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKED = {
    "response_type": "code",
    "client_id": DEFAULT_CLIENT_ID,
    "redirect_uri": REDIRECT_URI,
    "state": "a state & more",
    "nonce": "a-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
FORM = {
    "grant_type": "authorization_code",
    "client_id": DEFAULT_CLIENT_ID,
    "client_secret": DEFAULT_CLIENT_SECRET,
    "redirect_uri": REDIRECT_URI,
    "code_verifier": VERIFIER,
}


def without(what: Mapping[str, str], **changes: str | None) -> dict[str, str]:
    """The same with changes; None takes something away."""
    return {name: value for name, value in {**what, **changes}.items() if value is not None}


@dataclass
class Now:
    seconds: float = 0


@dataclass
class Running:
    """A stand-in that answers, and a browser. `now`: its clock."""

    kakao: KakaoStandIn
    browser: aiohttp.ClientSession
    now: Now

    async def page(self, method: str = "GET", form: Mapping[str, str] | None = None, **changes: str | None) -> "Shown":
        """What the browser shows, or where it goes next."""
        url = f"/oauth/authorize?{urlencode(without(ASKED, **changes))}"
        async with self.browser.request(method, url, data=form, allow_redirects=False) as response:
            location = response.headers.get("Location", "")
            return Shown(response.status, await response.text(), location)

    async def code(self, person: str = YEON.number, **changes: str | None) -> str:
        return (await self.page("POST", {"person": person}, **changes)).query["code"]

    async def exchange(self, **changes: str | None) -> tuple[int, dict[str, Any]]:
        async with self.browser.post("/oauth/token", data=without(FORM, **changes)) as response:
            assert response.headers["Content-Type"].startswith("application/json")
            return response.status, await response.json()

    async def tokens(self, person: str = YEON.number, scope: str | None = None) -> dict[str, Any]:
        status, tokens = await self.exchange(code=await self.code(person, scope=scope))
        assert status == 200
        return tokens

    async def with_token(self, method: str, path: str, token: str) -> tuple[int, dict[str, Any]]:
        async with self.browser.request(method, path, headers={"Authorization": f"Bearer {token}"}) as response:
            return response.status, await response.json()

    async def faults(self, body: object) -> int:
        async with self.browser.put("/stand-in/faults", data=json.dumps(body)) as response:
            return response.status


@dataclass
class Shown:
    status: int
    text: str
    location: str
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.query = dict(parse_qsl(urlsplit(self.location).query))


@pytest.fixture(scope="module")
def keys() -> list[SigningKey]:
    """Made once: that takes longer than all else."""
    return [SigningKey() for _ in range(3)]


@pytest.fixture
async def running(keys: list[SigningKey]) -> AsyncIterator[Running]:
    port, now = unused_port(), Now()
    app = Registered(
        redirect_uris=[REDIRECT_URI, "https://ssak8.example/?page=callback"],
        logout_redirect_uris=[SIGNED_OUT],
        consent_items=["profile_nickname", "phone_number"],
    )
    kakao = KakaoStandIn(port, app, lambda: now.seconds, partial(next, iter(keys)))
    runner = web.AppRunner(kakao.app())
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    async with aiohttp.ClientSession(f"http://{HOST}:{port}", cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        yield Running(kakao, browser, now)
    await runner.cleanup()


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


async def test_who_cancels_comes_back_with_an_error(running: Running) -> None:
    shown = await running.page("POST", {"person": YEON.number, "cancel": "1"})

    assert shown.query == {
        "error": "access_denied",
        "error_description": "User denied access",
        "state": ASKED["state"],
    }


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


async def test_a_refusal_shows_what_was_sent_as_text(running: Running) -> None:
    shown = await running.page(scope="<script>alert(1)</script>")

    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text


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


async def test_anybody_else_can_be_chosen_by_number(running: Running) -> None:
    code = (await running.page("POST", {"person": YEON.number, "number": " 77 "})).query["code"]
    _, tokens = await running.exchange(code=code)

    assert jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"] == "77"


@pytest.mark.parametrize("number", ["", "0", "01", "-1", "1e5", "one", "1" * 20, "²"])
async def test_what_is_no_number_is_asked_for_again(running: Running, number: str) -> None:
    shown = await running.page("POST", {"person": "", "number": number})

    assert (shown.status, shown.location) == (422, "")
    assert 'role="alert"' in shown.text
    assert "<title>오류" in shown.text


class Page(HTMLParser):
    """The parts of a page by which people who see nothing, or use no mouse, find their way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.found if each == tag]


async def test_the_page_is_korean_labelled_and_needs_no_script(running: Running) -> None:
    page = Page((await running.page()).text)

    assert page.all("html") == [{"lang": "ko"}]
    assert [len(page.all(tag)) for tag in ("title", "main", "h1", "fieldset", "legend")] == [1] * 5
    assert page.all("script") == []
    assert page.all("form") == [{"method": "post"}]
    [field] = [each for each in page.all("input") if each["type"] == "text"]
    assert [label["for"] for label in page.all("label") if "for" in label] == [field["id"]]
    people = [each["value"] for each in page.all("input") if each["type"] == "radio"]
    assert people == [person.number for person in PEOPLE]


async def test_the_page_asks_no_other_host_for_anything(running: Running) -> None:
    for shown in (await running.page(), await running.page(client_id="another")):
        addresses = [
            value
            for _, attributes in Page(shown.text).found
            for name, value in attributes.items()
            if name in ("href", "src")
        ]
        assert addresses == ["data:,"]


async def test_who_stays_signed_in_is_not_asked_again(running: Running) -> None:
    assert (await running.page(prompt="none")).query["error"] == "login_required"
    assert (await running.page("POST", {"person": YEON.number, "stay": "1"})).query["code"]

    assert (await running.page()).query["code"]
    assert (await running.page(prompt="none")).query["code"]
    for prompt in ("login", "select_account", "create", "login,select_account"):
        assert (await running.page(prompt=prompt)).status == 200


async def test_who_does_not_stay_signed_in_is_asked_again(running: Running) -> None:
    await running.code()

    assert (await running.page()).status == 200


async def test_signing_out_at_kakao_ends_staying_signed_in(running: Running) -> None:
    await running.page("POST", {"person": YEON.number, "stay": "1"})
    query = {"client_id": DEFAULT_CLIENT_ID, "logout_redirect_uri": SIGNED_OUT, "state": "s"}

    async with running.browser.get("/oauth/logout", params=query, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, f"{SIGNED_OUT}?state=s")
    assert (await running.page()).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"client_id": "another"}, "KOE101"), ({"logout_redirect_uri": "https://evil.example/"}, "KOE007")],
)
async def test_signing_out_sends_nobody_elsewhere(running: Running, changes: dict[str, str], code: str) -> None:
    query = {"client_id": DEFAULT_CLIENT_ID, "logout_redirect_uri": SIGNED_OUT, **changes}

    async with running.browser.get("/oauth/logout", params=query, allow_redirects=False) as response:
        assert response.status == 400
        assert code in await response.text()


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
