"""Which answers of an issuer let somebody in, at the limits of what the stand-in would ever send."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from shared.adapters.tokens import LEEWAY_SECONDS, LONGEST_TOKEN
from shared.web_settings import WebSettings
from stand_ins.kakao_login.tokens import SigningKey
from web.adapters.kakao_login import KakaoLoginClient
from web.adapters.openid import LONGEST_ANSWER
from web.ports import SignInAttempt, SignInRefused, SignInUnavailable

REDIRECT_URI = "http://127.0.0.1:8080/login/callback"
CLIENT_ID = "rest-api-key"
ATTEMPT = SignInAttempt("state", "nonce", "verifier")
KEY = SigningKey()
LEEWAY = timedelta(seconds=LEEWAY_SECONDS)
# Between making a token and reading it, on a busy machine.
PATIENCE = timedelta(seconds=30)


@dataclass
class Issuer:
    """It answers each exchange as it is told. `elsewhere`: how often anybody went where a redirect leads."""

    server: BaseTestServer
    answer: web.Response = field(default_factory=web.Response)
    elsewhere: int = 0

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    def token(self, **changes: object) -> None:
        """It sends an id token with these claims; None takes one away, and times are from now."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "1376016924",
            "iat": now,
            "exp": now + 300,
            "nonce": ATTEMPT.nonce,
        }
        changed = {**claims, **changes}
        claims = {name: _absolute(value, now) for name, value in changed.items() if value is not None}
        self.answer = web.json_response({"id_token": KEY.sign(claims)})


@dataclass
class World:
    issuer: Issuer
    client: KakaoLoginClient

    async def subject(self) -> str:
        return await self.client.subject("code", REDIRECT_URI, ATTEMPT)


@pytest.fixture
async def running() -> AsyncIterator[World]:
    async def configuration(_: web.Request) -> web.Response:
        url = issuer.url
        return web.json_response({"issuer": url, "token_endpoint": f"{url}/token", "jwks_uri": f"{url}/keys"})

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.jwk()]})

    async def token(_: web.Request) -> web.Response:
        return issuer.answer

    async def elsewhere(_: web.Request) -> web.Response:
        issuer.elsewhere += 1
        return issuer.answer

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", configuration)
    app.router.add_get("/keys", keys)
    app.router.add_post("/token", token)
    app.router.add_route("*", "/elsewhere", elsewhere)
    async with TestServer(app, host="127.0.0.1") as server:
        issuer = Issuer(server)
        settings = {"kakao_login_issuer": issuer.url, "kakao_login_client_id": CLIENT_ID}
        client = KakaoLoginClient(WebSettings.model_validate(settings))
        yield World(issuer, client)
        await client.close()


def _absolute(value: object, now: int) -> object:
    return now + int(value.total_seconds()) if isinstance(value, timedelta) else value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exp": PATIENCE - LEEWAY},
        {"iat": LEEWAY - PATIENCE},
        {"sub": "x" * 255},
        {"nickname": "연", "auth_time": 1, "picture": "https://k.kakaocdn.net/p.jpg"},
    ],
    ids=str,
)
async def test_a_token_for_this_attempt_lets_somebody_in(running: World, changes: dict[str, object]) -> None:
    running.issuer.token(**changes)

    assert await running.subject() == changes.get("sub", "1376016924")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": -LEEWAY - PATIENCE}, "expired"),
        ({"exp": None}, "incomplete"),
        ({"exp": "soon"}, "malformed"),
        ({"iat": timedelta(minutes=5)}, "from the future"),
        ({"iat": None}, "incomplete"),
        ({"nbf": timedelta(minutes=5)}, "from the future"),
        ({"aud": [CLIENT_ID]}, "audience"),
        ({"aud": [CLIENT_ID, "another"]}, "audience"),
        ({"aud": None}, "incomplete"),
        ({"iss": "https://kauth.kakao.com"}, "issuer"),
        ({"iss": None}, "incomplete"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": 1}, "nonce"),
        ({"nonce": ["nonce"]}, "nonce"),
        ({"nonce": "논스"}, "nonce"),
        ({"sub": 1376016924}, "malformed"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"sub": "1376016924\n"}, "subject"),
    ],
    ids=str,
)
async def test_any_other_token_lets_nobody_in(running: World, changes: dict[str, object], reason: str) -> None:
    running.issuer.token(**changes)

    with pytest.raises(SignInRefused) as refused:
        await running.subject()
    assert str(refused.value) == reason


async def test_a_token_without_the_name_of_its_key_lets_nobody_in(running: World) -> None:
    running.issuer.token()
    [_, claims, signature] = json.loads(running.issuer.answer.text or "")["id_token"].split(".")
    # {"alg":"RS256"}
    running.issuer.answer = web.json_response({"id_token": f"eyJhbGciOiJSUzI1NiJ9.{claims}.{signature}"})

    with pytest.raises(SignInRefused, match="unknown key"):
        await running.subject()


async def test_a_token_that_is_too_long_lets_nobody_in(running: World) -> None:
    running.issuer.token(nickname="x" * LONGEST_TOKEN)

    with pytest.raises(SignInRefused, match="malformed"):
        await running.subject()


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "invalid_grant", "error_description": "authorization code not found", "error_code": "KOE320"},
        {"error": "invalid_grant", "error_code": "KOE303"},
        {"error": "invalid_grant"},
    ],
    ids=str,
)
async def test_a_code_that_is_not_good_can_be_tried_anew(running: World, answer: dict[str, str]) -> None:
    running.issuer.answer = web.json_response(answer, status=400)

    with pytest.raises(SignInRefused, match="code"):
        await running.subject()


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (400, {"error": "invalid_request", "error_code": "KOE237"}, "too many requests"),
        (429, {}, "too many requests"),
        (400, {"error": "invalid_request", "error_code": "KOE310"}, "not taken"),
        (401, {"error": "invalid_client", "error_code": "KOE010"}, "not taken"),
        (403, {"error": ["a", "list"], "error_code": {"a": "b"}}, "not taken"),
        (400, {"msg": "ip mismatched", "code": -401}, "not taken"),
        (204, {"id_token": "any"}, "no JSON object"),
        (200, {}, "no id token"),
        (200, {"id_token": None}, "no id token"),
        (200, {"id_token": {"sub": "1376016924"}}, "no id token"),
        (200, {"id_token": "x" * LONGEST_ANSWER}, "too long"),
        (500, {"error": "invalid_grant"}, "status 500"),
    ],
    ids=str,
)
async def test_any_other_answer_is_not_the_persons_fault(
    running: World, status: int, answer: dict[str, object], reason: str
) -> None:
    running.issuer.answer = web.json_response(answer, status=status)

    with pytest.raises(SignInUnavailable, match=reason):
        await running.subject()


async def test_what_a_log_shows_of_an_error_is_a_word(running: World, caplog: pytest.LogCaptureFixture) -> None:
    running.issuer.answer = web.json_response(
        {"error": "invalid client, 010-1234-5678", "error_description": "code=secret"}, status=401
    )

    with pytest.raises(SignInUnavailable):
        await running.subject()

    assert "status 401, none, none" in caplog.text
    assert "010-1234-5678" not in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_code_and_the_secret_go_nowhere_else(running: World, status: int) -> None:
    running.issuer.answer = web.Response(status=status, headers={"Location": f"{running.issuer.url}/elsewhere"})

    with pytest.raises(SignInUnavailable):
        await running.subject()
    assert running.issuer.elsewhere == 0
