"""How operators sign in and out, and how long their session lasts."""

import re
import secrets
from datetime import timedelta

import pytest

from tests.unit.web.one_customer import HONG, browser_with_one_customer
from tests.unit.web.operators import NOW, ORIGIN, TOKEN, Browser, FakeEntra, Got
from web.ports import OperatorToken, SignInRefused, SignInUnavailable


@pytest.fixture
async def browser() -> Browser:
    return await browser_with_one_customer()


async def test_whoever_has_not_signed_in_is_offered_to() -> None:
    browser = Browser()

    got = await browser.get(browser.pages.home)

    assert (got.status, browser.apps.calls) == (200, [])
    assert 'href="/operators/login"' in got.html


async def test_signing_in_leads_to_the_search(browser: Browser) -> None:
    [(code, redirect_uri, attempt)] = browser.entra.asked
    got = await browser.get(browser.pages.home)

    assert (code, redirect_uri) == ("code", f"{ORIGIN}/operators/login/callback")
    assert len(attempt.verifier) >= 43
    assert browser.outcomes == ["signed-in"]
    assert list(browser.jar) == ["__Host-operator"]
    assert TOKEN not in browser.jar["__Host-operator"]
    assert "하나" in got.html
    assert 'action="/operators/search"' in got.html


async def test_the_session_ends_with_the_token(browser: Browser) -> None:
    browser.now += timedelta(minutes=59)
    assert "/operators/search" in (await browser.get(browser.pages.home)).html

    browser.now += timedelta(minutes=1)

    assert "/operators/login" in (await browser.get(browser.pages.home)).html


async def test_the_cookie_is_of_this_host_and_lives_as_long_as_the_token() -> None:
    browser = Browser()
    begun = await browser.get(browser.sign_in.begin)
    state = re.findall(r"state=([\w-]+)", begun.headers["Location"])[0]

    got = await browser.get(browser.sign_in.end, code="code", state=state)

    assert begun.status == 302
    assert got.headers["Location"] == f"{ORIGIN}/operators"
    attributes = got.cookies["__Host-operator"].split("; ")[1:]
    assert attributes == ["Max-Age=3600", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    assert "Max-Age=0" in got.cookies["__Host-operator-login"]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"state": "another", "code": "code"}, {"state": "", "code": "code"}, {"state": "right"}],
    ids=["nothing", "another state", "no state", "no code"],
)
async def test_what_comes_back_for_another_attempt_lets_nobody_in(parameters: dict[str, str]) -> None:
    browser = Browser()
    begun = await browser.get(browser.sign_in.begin)
    state = re.findall(r"state=([\w-]+)", begun.headers["Location"])[0]
    sent = {name: state if value == "right" else value for name, value in parameters.items()}

    got = await browser.get(browser.sign_in.end, **sent)

    assert got.status == 400
    assert (browser.entra.asked, browser.outcomes, browser.jar) == ([], ["refused"], {})


async def test_an_attempt_is_over_once_it_has_come_back(browser: Browser) -> None:
    got = await browser.get(browser.sign_in.end, code="code", state=browser.entra.asked[0][2].state)

    assert got.status == 400
    assert len(browser.entra.asked) == 1


async def test_whoever_cancels_signing_in_is_back_where_it_began() -> None:
    browser = Browser()
    begun = await browser.get(browser.sign_in.begin)
    state = re.findall(r"state=([\w-]+)", begun.headers["Location"])[0]

    got = await browser.get(browser.sign_in.end, error="access_denied", state=state)

    assert (got.status, got.headers["Location"]) == (303, f"{ORIGIN}/operators")
    assert (browser.entra.asked, browser.jar) == ([], {})


async def finished_with(answer: OperatorToken | Exception) -> tuple[Browser, Got]:
    browser = Browser()
    begun = await browser.get(browser.sign_in.begin)
    state = re.findall(r"state=([\w-]+)", begun.headers["Location"])[0]
    browser.entra.answer = answer
    return browser, await browser.get(browser.sign_in.end, code="code", state=state)


async def test_who_is_refused_may_start_again() -> None:
    browser, got = await finished_with(SignInRefused("no"))

    assert (got.status, browser.jar, browser.outcomes) == (400, {}, ["refused"])
    assert 'href="/operators"' in got.html


async def test_while_entra_id_does_not_respond_the_page_says_so() -> None:
    browser, got = await finished_with(SignInUnavailable("away", 2.5))
    begun = await Browser(entra=FakeEntra(SignInUnavailable("away", 2.5))).get(browser.sign_in.begin)

    assert (got.status, got.headers["Retry-After"], browser.jar) == (503, "3", {})
    assert "Entra ID" in got.html
    assert (begun.status, begun.headers["Retry-After"]) == (503, "3")


def token_of(length: int) -> str:
    """Like a token of Entra ID: three parts of base64url, which hardly compress."""
    part = secrets.token_urlsafe(length)[: (length - 2) // 3]
    return f"{part}.{part[::-1]}.{secrets.token_urlsafe(length)[: length - 2 - 2 * len(part)]}"


async def test_a_long_token_fits_into_the_cookie_because_it_is_compressed() -> None:
    browser, got = await finished_with(OperatorToken(token_of(3300), NOW + timedelta(hours=1), "하나"))

    assert got.status == 303
    assert len(got.cookies["__Host-operator"]) <= 4096
    await browser.get(browser.pages.show, customer=HONG)
    assert len(browser.apps.callers[0].token) == 3300


async def test_a_token_that_is_too_long_is_explained() -> None:
    browser, got = await finished_with(OperatorToken(token_of(5000), NOW + timedelta(hours=1), "하나"))

    assert (got.status, browser.jar, browser.outcomes) == (500, {}, ["refused"])
    assert "토큰" in got.html
    assert "Entra ID 관리자" in got.html


async def test_signing_out_leaves_nothing(browser: Browser) -> None:
    got = await browser.post(browser.sign_in.sign_out)

    assert (got.status, got.headers["Location"]) == (303, f"{ORIGIN}/operators?done=signed-out")
    assert browser.jar == {}
    assert "로그아웃했습니다" in (await browser.get(browser.pages.home, done="signed-out")).html
