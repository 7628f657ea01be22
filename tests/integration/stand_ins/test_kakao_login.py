"""The commands of the stand-in for Kakao Login, as somebody at a shell uses them."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psutil
import pytest
from aiohttp.test_utils import unused_port

from shared.web_settings import WebSettings
from tools.paths import ROOT
from web.adapters.kakao_login import KakaoLoginClient
from web.ports import SignInAttempt, SignInUnavailable

REDIRECT_URI = "http://localhost:8080/login/callback"
OTHER_REDIRECT_URI = "http://127.0.0.1:8080/login/callback"
CLIENT_ID = "rest-api-key"
CLIENT_SECRET = "a-secret"
START_SECONDS = 60


async def command(*arguments: object) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stand_ins.kakao_login", *map(str, arguments), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


async def output(*arguments: object, code: int = 0) -> str:
    """What the command prints: to the error output, if it fails with this code."""
    process = await command(*arguments)
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    assert (not out) if code else (not err)
    return (out + err).decode().strip()


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[Process]:
    redirect_uris = ("--redirect-uri", OTHER_REDIRECT_URI, "--redirect-uri", REDIRECT_URI)
    process = await command(
        "serve", "--port", port, "--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET, *redirect_uris
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _accepts(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def client(port: int) -> KakaoLoginClient:
    return KakaoLoginClient(
        WebSettings.model_validate(
            {
                "kakao_login_issuer": f"http://127.0.0.1:{port}",
                "kakao_login_client_id": CLIENT_ID,
                "kakao_login_client_secret": CLIENT_SECRET,
            }
        )
    )


async def sign_in(kakao: KakaoLoginClient, redirect_uri: str, person: str) -> str:
    attempt = SignInAttempt.new()
    url = await kakao.authorization_url(redirect_uri, attempt)
    async with (
        aiohttp.ClientSession() as browser,
        browser.post(url, data={"person": person}, allow_redirects=False) as response,
    ):
        code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    return await kakao.subject(code, redirect_uri, attempt)


async def test_somebody_signs_in_and_what_goes_wrong_can_be_chosen() -> None:
    port = unused_port()
    kakao = client(port)

    async with serving(port) as process:
        for redirect_uri in (REDIRECT_URI, OTHER_REDIRECT_URI):
            assert await sign_in(kakao, redirect_uri, "2204417385") == "2204417385"

        assert json.loads(await output("faults", '{"status": 503}', "--port", port))["status"] == 503
        with pytest.raises(SignInUnavailable, match="status 503"):
            await sign_in(kakao, REDIRECT_URI, "2204417385")
        assert json.loads(await output("faults", "--port", port))["status"] == 503
        assert "422" in await output("faults", '{"status": 1}', "--port", port, code=1)
        assert json.loads(await output("faults", "{}", "--port", port))["status"] is None

        assert await output("rotate", "--port", port) == ""
        newcomer = client(port)
        assert await sign_in(newcomer, REDIRECT_URI, "1") == "1"
        await newcomer.close()

        process.terminate()
        assert await process.wait() == 0

    assert "nothing answers" in await output("rotate", "--port", port, code=1)
    await kakao.close()


async def test_it_listens_on_this_machine_only() -> None:
    port = unused_port()

    async with serving(port) as process:
        connections = psutil.Process(process.pid).net_connections()

    assert [c.laddr for c in connections if c.status == psutil.CONN_LISTEN] == [("127.0.0.1", port)]
