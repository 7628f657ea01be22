"""What all pages of operators have in common: whom they refuse, what they say while an app is away, and their words."""

import re
from html.parser import HTMLParser

import pytest

from tests.unit.web.one_customer import CUSTOMER, HONG, WHOLE, browser_with_one_customer
from tests.unit.web.operators import Browser, Got, answered
from web.edge import Handler


@pytest.fixture
async def browser() -> Browser:
    return await browser_with_one_customer()


def handlers(browser: Browser) -> dict[str, Handler]:
    """All pages that ask the other apps."""
    pages = browser.pages
    return {
        "search": pages.search,
        "show": pages.show,
        "reveal": pages.reveal,
        "ask": pages.ask_to_cancel,
        "cancel": pages.cancel,
    }


FORM = {"query": HONG, "reason": "complaint"}
every_page = pytest.mark.parametrize("name", ["search", "show", "reveal", "ask", "cancel"])


async def visit(browser: Browser, name: str, customer: str = HONG) -> Got:
    handler = handlers(browser)[name]
    if name in ("show", "ask"):
        return await browser.get(handler, customer=customer)
    return await browser.post(handler, customer=customer, **FORM)


def answering_always(browser: Browser, status: int) -> None:
    calls = (CUSTOMER, f"DELETE /customers/{HONG}", f"{CUSTOMER}?reveal=true&reason=complaint")
    browser.apps.answers = dict.fromkeys(calls, answered(status, {"Retry-After": "7"}))


@every_page
async def test_without_a_session_no_app_is_asked(name: str) -> None:
    browser = Browser()

    got = await visit(browser, name)

    assert browser.apps.calls == []
    assert "/operators/login" in got.html
    is_form = name not in ("show", "ask")
    assert (got.status, "로그인 시간이 끝났습니다" in got.html) == (401 if is_form else 200, is_form)


@every_page
async def test_with_a_token_that_the_apps_do_not_take_one_signs_in_again(browser: Browser, name: str) -> None:
    answering_always(browser, 401)

    got = await visit(browser, name)

    assert (got.status, browser.jar) == (401, {})
    assert "/operators/login" in got.html
    assert "로그인 시간이 끝났습니다" in got.html


@every_page
async def test_whoever_lacks_the_role_is_told_so(browser: Browser, name: str) -> None:
    answering_always(browser, 403)

    got = await visit(browser, name)

    assert (got.status, got.title) == (403, "운영자 권한이 없습니다 – 싹8")
    assert 'action="/operators/logout"' in got.html


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@every_page
async def test_while_an_app_is_away_only_what_is_certain_is_said(browser: Browser, name: str, status: int) -> None:
    # Who waits in vain for the answer to a cancellation may have cancelled.
    title = f"{'취소되었는지 확인하지 못했습니다' if name == 'cancel' else '잠시 이용하실 수 없습니다'} – 싹8"
    answering_always(browser, status)
    got = await visit(browser, name)
    assert (got.status, got.headers["Retry-After"], got.title) == (503, "7", title)

    browser.apps.away = ("everything",)
    got = await visit(browser, name)
    assert (got.status, got.title) == (503, title)


@every_page
async def test_a_fault_of_another_app_is_a_page_of_operators_with_the_trace(
    browser: Browser, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    answering_always(browser, 500)

    got = await visit(browser, name)

    assert (got.status, got.title) == (500, "처리하지 못했습니다 – 싹8")
    assert "Retry-After" not in got.headers
    [trace] = re.findall("[0-9a-f]{32}", got.html)
    assert trace in caplog.text
    assert 'action="/operators/logout"' in got.html


@every_page
async def test_only_an_id_gets_into_the_path_of_a_call(browser: Browser, name: str) -> None:
    if name == "search":
        return

    got = await visit(browser, name, customer="../me/data")

    assert (got.status, browser.apps.calls) == (404, [])
    assert 'action="/operators/logout"' in got.html


@pytest.mark.parametrize("name", ["search", "reveal", "cancel"])
async def test_a_form_of_another_site_changes_nothing(browser: Browser, name: str) -> None:
    got = await browser.post(handlers(browser)[name], customer=HONG, origin="https://elsewhere.example", **FORM)

    assert (got.status, browser.apps.calls) == (403, [])


class Fields(HTMLParser):
    """Which controls a page has, and which of them have a label."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: set[str] = set()
        self.labels: set[str] = set()
        self.headings: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.controls.add(given.get("id") or "without an id")
        if tag == "label":
            self.labels.add(given.get("for") or "")
        if tag in ("h1", "h2"):
            self.headings.append(tag)


@every_page
async def test_every_control_has_a_label_and_the_page_one_heading(browser: Browser, name: str) -> None:
    browser.apps.answers[f"{CUSTOMER}?reveal=true&reason=complaint"] = answered(**WHOLE)
    browser.apps.answers[f"DELETE /customers/{HONG}"] = answered(204)

    got = await visit(browser, name)

    fields = Fields(got.html)
    assert fields.controls <= fields.labels
    assert fields.headings.count("h1") == 1
    assert len(got.html.encode()) < 8192
    assert "style=" not in got.html


@every_page
async def test_the_pages_are_there_in_english(browser: Browser, name: str) -> None:
    browser.apps.answers[f"{CUSTOMER}?reveal=true&reason=complaint"] = answered(**WHOLE)
    browser.apps.answers[f"DELETE /customers/{HONG}"] = answered(204)
    browser.accept_language = "en"

    got = await visit(browser, name)

    assert '<html lang="en">' in got.html
    assert re.search("[가-힣]", re.sub("하나|홍.*동|인천광역시 남동구|20대", "", got.html)) is None
