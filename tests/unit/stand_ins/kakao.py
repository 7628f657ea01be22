"""A running stand-in of Kakao, and a browser."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web
from aiohttp.test_utils import unused_port

from stand_ins.kakao_login.people import PEOPLE
from stand_ins.kakao_login.server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, HOST, KakaoStandIn, Registered
from stand_ins.kakao_login.tokens import SigningKey

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


@cache
def keys() -> list[SigningKey]:
    """Made once: that takes longer than all else."""
    return [SigningKey() for _ in range(3)]


@asynccontextmanager
async def running_stand_in() -> AsyncIterator[Running]:
    port, now = unused_port(), Now()
    app = Registered(
        redirect_uris=[REDIRECT_URI, "https://ssak8.example/?page=callback"],
        logout_redirect_uris=[SIGNED_OUT],
        consent_items=["profile_nickname", "phone_number"],
    )
    kakao = KakaoStandIn(port, app, lambda: now.seconds, partial(next, iter(keys())))
    runner = web.AppRunner(kakao.app())
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    async with aiohttp.ClientSession(f"http://{HOST}:{port}", cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        yield Running(kakao, browser, now)
    await runner.cleanup()
