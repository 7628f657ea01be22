"""Signing in with Kakao and out again, as the browser sees it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

import web.wiring
from tests.unit.web.browser import ORIGIN, SUBJECT, Browser, Response
from web.pages.sign_in import LONGEST_CODE
from web.ports import SignInAttempt, SignInRefused, SignInUnavailable

AUTHORIZE = "https://kauth.kakao.com/oauth/authorize"
CODE = "one-time"


@dataclass
class FakeKakaoLogin:
    """Each code can be exchanged once, by whoever knows the verifier. `failure`: what it raises instead."""

    failure: Exception | None = None
    attempts: list[SignInAttempt] = field(default_factory=list)
    exchanged: list[str] = field(default_factory=list)

    async def authorization_url(self, redirect_uri: str, attempt: SignInAttempt) -> str:
        if self.failure:
            raise self.failure
        self.attempts.append(attempt)
        return f"{AUTHORIZE}?{urlencode({'redirect_uri': redirect_uri, 'state': attempt.state})}"

    async def subject(self, code: str, redirect_uri: str, attempt: SignInAttempt) -> str:
        if self.failure:
            raise self.failure
        if code in self.exchanged or attempt not in self.attempts or redirect_uri != f"{ORIGIN}/login/callback":
            raise SignInRefused("invalid_grant")
        self.exchanged.append(code)
        return SUBJECT


@pytest.fixture
def kakao(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> FakeKakaoLogin:
    login = FakeKakaoLogin()
    monkeypatch.setattr(web.wiring, "kakao_login", lambda: login)
    web.wiring.sign_in.cache_clear()
    return login


async def begin(browser: Browser) -> str:
    """The state that Kakao sends back."""
    response = await browser.get("/login")
    assert (response.status, response.headers["Location"].partition("?")[0]) == (302, AUTHORIZE)
    return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]


async def come_back(browser: Browser, **parameters: str) -> Response:
    return await browser.get(f"/login/callback?{urlencode(parameters)}")


def is_signed_in(browser: Browser) -> bool:
    return "__Host-session" in browser.cookies


async def test_whoever_signs_in_at_kakao_is_signed_in_here(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)

    response = await come_back(browser, state=state, code=CODE)

    assert (response.status, response.location) == (303, "/my")
    assert browser.cookies.keys() == {"__Host-session"}
    assert (await browser.get("/my")).status == 200
    # Both cookies came in one answer, each on a line of its own.
    assert len(response.cookies) == 2


async def test_nothing_of_an_attempt_can_be_read_in_the_browser(browser: Browser, kakao: FakeKakaoLogin) -> None:
    await begin(browser)

    [attempt] = kakao.attempts
    for secret in (attempt.state, attempt.nonce, attempt.verifier):
        assert len(secret) >= 43
        assert secret not in browser.cookies["__Host-login"]


@pytest.mark.parametrize("state", ["", "another", "상태", "a" * 5000])
async def test_a_state_of_another_attempt_signs_nobody_in(browser: Browser, kakao: FakeKakaoLogin, state: str) -> None:
    await begin(browser)

    response = await come_back(browser, state=state, code=CODE)

    assert (response.status, "로그인하지 못했습니다" in response.text) == (400, True)
    assert kakao.exchanged == []
    assert browser.cookies == {}


async def test_a_state_that_was_sent_to_another_browser_signs_nobody_in(
    browser: Browser, kakao: FakeKakaoLogin
) -> None:
    state = await begin(browser)
    browser.cookies.clear()

    assert (await come_back(browser, state=state, code=CODE)).status == 400
    assert kakao.exchanged == []


async def test_of_two_attempts_only_the_last_one_counts(browser: Browser, kakao: FakeKakaoLogin) -> None:
    first, second = await begin(browser), await begin(browser)

    assert first != second
    assert (await come_back(browser, state=first, code=CODE)).status == 400


async def test_a_second_callback_signs_nobody_in(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)
    await come_back(browser, state=state, code=CODE)
    await browser.post("/logout")

    assert (await come_back(browser, state=state, code=CODE)).status == 400
    assert not is_signed_in(browser)


async def test_a_second_click_on_the_way_back_stays_signed_in(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)
    await come_back(browser, state=state, code=CODE)

    response = await come_back(browser, state=state, code=CODE)

    assert (response.status, response.location) == (303, "/my")
    assert is_signed_in(browser)
    assert len(kakao.exchanged) == 1


async def test_whoever_refuses_at_kakao_is_back_at_the_start(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)

    response = await come_back(browser, state=state, error="access_denied", error_description="User denied access")

    assert (response.status, response.location) == (303, "/")
    assert browser.cookies == {}


@pytest.mark.parametrize("code", ["", "a" * (LONGEST_CODE + 1)])
async def test_a_code_that_cannot_be_one_is_not_sent_to_kakao(
    browser: Browser, kakao: FakeKakaoLogin, code: str
) -> None:
    state = await begin(browser)

    response = await come_back(browser, state=state, code=code)

    assert response.status == 400
    assert kakao.exchanged == []


async def test_an_error_of_kakao_is_no_sign_in(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)

    assert (await come_back(browser, state=state, error="server_error")).status == 400


async def test_whom_kakao_refuses_is_told_to_start_again(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)
    kakao.failure = SignInRefused("the nonce is another one")

    response = await come_back(browser, state=state, code=CODE)

    assert response.status == 400
    assert "nonce" not in response.text
    assert browser.cookies == {}


async def test_while_kakao_is_down_a_page_says_so(browser: Browser, kakao: FakeKakaoLogin) -> None:
    kakao.failure = SignInUnavailable("no answer", 1.2)

    response = await browser.get("/login")

    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert "지금은 로그인할 수 없습니다" in response.text


async def test_when_kakao_goes_down_on_the_way_back_nobody_is_signed_in(
    browser: Browser, kakao: FakeKakaoLogin
) -> None:
    state = await begin(browser)
    kakao.failure = SignInUnavailable("no answer", 0)

    response = await come_back(browser, state=state, code=CODE)

    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert browser.cookies == {}


async def test_whoever_is_signed_in_does_not_sign_in_again(browser: Browser, kakao: FakeKakaoLogin) -> None:
    response = await browser.signed_in().get("/login")

    assert (response.status, response.location) == (303, "/my")
    assert kakao.attempts == []


async def test_after_signing_out_nothing_is_shown(signed_in: Browser) -> None:
    signed_in.apps.have_registered()

    response = await signed_in.post("/logout")

    assert (response.status, response.location) == (303, "/?done=signed-out")
    assert signed_in.cookies == {}
    assert "로그아웃했습니다" in (await signed_in.get(response.location)).text
    assert (await signed_in.get("/my")).location == "/"


async def test_another_site_cannot_sign_anybody_out(signed_in: Browser) -> None:
    assert (await signed_in.post("/logout", origin="https://evil.example")).status == 403
    assert is_signed_in(signed_in)


async def test_what_comes_back_is_never_an_address_to_go_to(browser: Browser, kakao: FakeKakaoLogin) -> None:
    state = await begin(browser)

    response = await come_back(browser, state=state, code=CODE, next="https://evil.example", done="//evil.example")

    assert response.headers["Location"] == f"{ORIGIN}/my"
