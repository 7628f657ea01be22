"""The part of the smoke test for my page: a browser gets it, and is sent to Kakao and Entra ID to sign in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tools.play.narrator import Narrator
from tools.play.system import System

BROWSER: Final = {"Accept": "text/html", "Accept-Language": "ko"}
SIGN_IN: Final = {"/login": "Kakao", "/operators/login": "Entra ID"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookies: list[str]


async def _get(http: aiohttp.ClientSession, url: str) -> Answer:
    async with http.get(url, headers=BROWSER, allow_redirects=False) as response:
        return Answer(response.status, response.headers, response.headers.getall("Set-Cookie", []))


async def play[S: System](narrator: Narrator[S], address: str, *, expected: bool, call_seconds: float) -> None:
    """Nobody signs in: that takes a person.

    `address`: of the pages. `expected`: whether it is a failure if there are none.

    Raises StepFailed, aiohttp.ClientError and TimeoutError.
    """
    base = address.rstrip("/")
    narrator.step("My page is there, and sends people to sign in", "마이페이지")
    # A session of its own: with the cookies of one person, as in a browser.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(call_seconds)) as http:
        start = await _get(http, f"{base}/")
        policy = start.headers.get("Content-Security-Policy", "")
        # A local gateway that has no page at `/` shows a list of its routes there.
        if not policy and not expected:
            narrator.say("Left out: this system has no pages.")
            return
        _expect_page(narrator, "/", start, 200)
        narrator.expect("script-src 'self'" in policy, "with its own policy")
        _expect_page(narrator, "/no-such-page", await _get(http, f"{base}/no-such-page"), 404)
        for path in SIGN_IN:
            _expect_sign_in(narrator, base, path, await _get(http, f"{base}{path}"))


def _expect_page[S: System](narrator: Narrator[S], path: str, page: Answer, status: int) -> None:
    narrator.expect(page.status == status, f"GET {path}: {page.status}, expected {status}")
    media_type = page.headers.get("Content-Type", "").partition(";")[0]
    narrator.expect(media_type == "text/html", f"GET {path}: {media_type}, expected text/html")


def _expect_sign_in[S: System](narrator: Narrator[S], base: str, path: str, answer: Answer) -> None:
    issuer = SIGN_IN[path]
    narrator.expect(answer.status == 302, f"GET {path} leads to {issuer}: {answer.status}, expected 302")
    there = urlsplit(answer.headers.get("Location", ""))
    asked = {name: values[0] for name, values in parse_qs(there.query).items()}
    narrator.expect(
        there.netloc not in ("", urlsplit(base).netloc), f"to another address: {there.scheme}://{there.netloc}"
    )
    # If it is not the address that was called, the issuer sends everybody there, or refuses to.
    back = asked.get("redirect_uri", "nowhere")
    narrator.expect(back == f"{base}{path}/callback", f"and from there back to {back}")
    narrator.expect(asked.get("code_challenge_method") == "S256", "with a code challenge (RFC 7636)")
    # The host writes the attributes in small letters.
    cookies = [cookie for cookie in answer.cookies if "httponly" in cookie.lower()]
    narrator.expect(bool(cookies), "what belongs to the attempt lies in a cookie")
    own = all(cookie.startswith("__Host-") for cookie in cookies)
    narrator.expect(own or base.startswith("http:"), "which only this host can set")
