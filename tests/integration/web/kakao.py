"""A browser, Kakao and the web service's client, over real sockets."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web

from shared.web_settings import WebSettings
from stand_ins.kakao_login.server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, HOST, KakaoStandIn
from web.adapters.kakao_login import KakaoLoginClient
from web.ports import SignInAttempt

REDIRECT_URI: Final = "http://127.0.0.1:8080/login/callback"
YEON: Final = "1376016924"
# Seconds. Long, because the stand-in shares the processor with whatever else runs.
TIMEOUT: Final = 10


@dataclass
class World:
    """`calls`: how often each path was called. `now`: the client's clock, in seconds."""

    kakao: KakaoStandIn
    runner: web.AppRunner
    browser: aiohttp.ClientSession
    calls: Counter[str] = field(default_factory=Counter)
    now: float = 0
    secrets: list[str] = field(default_factory=lambda: [DEFAULT_CLIENT_SECRET, YEON])
    clients: list[KakaoLoginClient] = field(default_factory=list)

    def client(self, **changes: object) -> KakaoLoginClient:
        """What signs people in, in a process of its own."""
        settings = {
            "kakao_login_issuer": self.kakao.issuer,
            "kakao_login_client_id": DEFAULT_CLIENT_ID,
            "kakao_login_client_secret": DEFAULT_CLIENT_SECRET,
            "kakao_login_timeout_seconds": TIMEOUT,
        }
        made = KakaoLoginClient(WebSettings.model_validate({**settings, **changes}), lambda: self.now)
        self.clients.append(made)
        return made

    def attempt(self) -> SignInAttempt:
        attempt = SignInAttempt.new()
        self.secrets += [attempt.state, attempt.nonce, attempt.verifier]
        return attempt

    async def choose(self, url: str, **form: str) -> Mapping[str, str]:
        """What the browser brings back after this was chosen on Kakao's page."""
        async with self.browser.post(url, data=form, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            location = response.headers["Location"]
        assert location.startswith(f"{REDIRECT_URI}?")
        return dict(parse_qsl(urlsplit(location).query))

    async def code(self, client: KakaoLoginClient, attempt: SignInAttempt, person: str = YEON) -> str:
        """Somebody signs in at Kakao."""
        brought = await self.choose(await client.authorization_url(REDIRECT_URI, attempt), person=person)
        assert brought["state"] == attempt.state
        self.secrets.append(brought["code"])
        return brought["code"]

    async def sign_in(self, client: KakaoLoginClient, person: str = YEON) -> str:
        """All of it: whom the web service takes the person to be."""
        attempt = self.attempt()
        return await client.subject(await self.code(client, attempt, person), REDIRECT_URI, attempt)

    def leaked(self, text: str) -> list[str]:
        """Which of the secrets, or parts of tokens, are in a text."""
        return [secret for secret in self.secrets if secret in text] + re.findall(r"eyJ\S+", text)


@asynccontextmanager
async def world(kakao: KakaoStandIn) -> AsyncIterator[World]:
    """The stand-in answers at its port meanwhile."""
    app = kakao.app()
    calls: Counter[str] = Counter()

    @web.middleware
    async def count(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        calls[request.path] += 1
        return await handler(request)

    app.middlewares.append(count)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, urlsplit(kakao.issuer).port).start()
    async with aiohttp.ClientSession() as browser:
        found = World(kakao, runner, browser, calls)
        try:
            yield found
        finally:
            for client in found.clients:
                await client.close()
            await runner.cleanup()
