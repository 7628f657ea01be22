"""What operators see in a browser, and which calls of the other apps that makes."""

import re
import secrets
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from shared.domain.access_record import Reason
from shared.domain.kakao_message import KakaoMessage, MessageKind
from shared.domain.registration import RegistrationStatus
from shared.http.operators import SHOWN
from tests.unit.web.operators import NOW, ORIGIN, TOKEN, Browser, FakeApps, FakeEntra, Got, answered
from web.edge import Handler
from web.ports import Calling, OperatorToken, SignInRefused, SignInUnavailable
from web.rendering import words
from web.visit import Language

HONG = "0189ee3e-0000-7000-8000-000000000001"
MASKED: dict[str, Any] = {
    "id": HONG,
    "customerName": "홍*동",
    "customerPhone": "010-****-5678",
    "customerAddress": "인천광역시 남동구 ***",
    "customerAge": "20대",
    "registeredAt": "2026-11-26T00:03:00Z",
    "masked": True,
}
WHOLE = {**MASKED, "customerName": "홍<길>동", "customerPhone": "010-1234-5678", "customerAge": 27}
MESSAGES = {"kakaos": [{"kind": "registered", "status": "sandboxed", "sentAt": "2026-11-26T00:03:01Z", "receipt": "r"}]}
CUSTOMER, VIEW, REGISTRATION = f"GET /customers/{HONG}", f"GET /customerViews/{HONG}", f"GET /registrations/{HONG}"
MESSAGES_OF_HONG = f"GET /customerViews/{HONG}/messages"


@pytest.fixture
async def browser() -> Browser:
    """Of an operator; there is one customer."""
    answers = {CUSTOMER: answered(**MASKED), MESSAGES_OF_HONG: answered(_embedded=MESSAGES)}
    return await Browser(FakeApps(answers)).signed_in()


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


async def test_customers_are_found_by_a_phone_number_that_is_in_no_url(browser: Browser) -> None:
    browser.apps.answers["POST /customers/search"] = answered(_embedded={"customers": [MASKED]})

    got = await browser.post(browser.pages.search, query=" 010-1234-5678 ")

    assert browser.apps.calls == [("POST /customers/search", {"customerPhone": "010-1234-5678"})]
    assert browser.apps.callers == [Calling(TOKEN, "203.0.113.7")]
    assert (got.status, got.headers["Cache-Control"]) == (200, "no-store")
    assert f'href="/operators/customers/{HONG}">홍*동</a>' in got.html
    assert all(str(MASKED[name]) in got.html for name in ("customerPhone", "customerAddress", "customerAge"))


async def test_customers_are_found_by_their_id(browser: Browser) -> None:
    got = await browser.post(browser.pages.search, query=HONG.upper())

    assert browser.apps.calls == [(CUSTOMER, None)]
    assert f'href="/operators/customers/{HONG}">홍*동</a>' in got.html


async def test_nobody_is_found(browser: Browser) -> None:
    browser.apps.answers["POST /customers/search"] = answered(_embedded={"customers": []})

    for query in ("010-1234-5678", HONG.replace("1", "2")):
        got = await browser.post(browser.pages.search, query=query)
        assert got.status == 200
        assert "해당하는 고객이 없습니다" in got.html


@pytest.mark.parametrize("query", ["", "  ", "홍길동", "0" * 200])
async def test_what_cannot_be_searched_for_is_explained_at_the_field(browser: Browser, query: str) -> None:
    browser.apps.answers["POST /customers/search"] = answered(422)

    got = await browser.post(browser.pages.search, query=query)

    assert got.status == 422
    assert got.title.startswith("오류")
    assert 'href="#query"' in got.html
    assert 'aria-describedby="query-hint query-error" aria-invalid="true"' in got.html
    assert f'value="{query.strip()[:100]}"' in got.html


async def test_a_record_is_shown_masked_with_what_kakaotalk_said(browser: Browser) -> None:
    got = await browser.get(browser.pages.show, customer=HONG)

    assert [call for call, _ in browser.apps.calls] == [CUSTOMER, MESSAGES_OF_HONG]
    assert "홍*동" in got.html
    assert '<time datetime="2026-11-26T00:03:00Z">2026. 11. 26. 오전 9:03</time>' in got.html
    assert "등록 알림: 시험 환경이라 보내지 않음" in got.html
    assert re.findall(r'name="reason" value="([a-z-]+)"', got.html) == list(Reason)
    assert f'href="/operators/customers/{HONG}/cancel"' in got.html


async def test_a_record_is_shown_while_its_messages_cannot_be_read(browser: Browser) -> None:
    browser.apps.away = (MESSAGES_OF_HONG,)

    got = await browser.get(browser.pages.show, customer=HONG)

    assert got.status == 200
    assert "홍*동" in got.html
    assert "지금은 불러올 수 없습니다" in got.html


async def test_one_who_has_cancelled_is_shown_as_such_although_the_view_lags(browser: Browser) -> None:
    del browser.apps.answers[CUSTOMER]
    browser.apps.answers[VIEW] = answered(**MASKED, status="REGISTERED")

    got = await browser.get(browser.pages.show, customer=HONG)

    assert "취소됨" in got.html
    assert "홍*동" not in got.html
    assert 'name="reason"' not in got.html
    assert "/cancel" not in got.html


async def test_a_pending_registration_can_be_cancelled_and_has_nothing_to_reveal(browser: Browser) -> None:
    del browser.apps.answers[CUSTOMER]
    browser.apps.answers[REGISTRATION] = answered(id=HONG, status="pending", acceptedAt="2026-11-26T00:03:00Z")

    got = await browser.get(browser.pages.show, customer=HONG)

    assert "처리 중" in got.html
    assert 'name="reason"' not in got.html
    assert f'href="/operators/customers/{HONG}/cancel"' in got.html


async def test_a_record_is_revealed_for_a_reason(browser: Browser) -> None:
    browser.apps.answers[f"{CUSTOMER}?reveal=true&reason=complaint"] = answered(**WHOLE)

    got = await browser.post(browser.pages.reveal, customer=HONG, reason="complaint")

    assert [call for call, _ in browser.apps.calls] == [f"{CUSTOMER}?reveal=true&reason=complaint"]
    assert (got.status, got.headers["Cache-Control"]) == (200, "no-store")
    assert "홍&lt;길&gt;동" in got.html
    assert "<dd>27</dd>" in got.html
    assert "불만 처리" in got.html


@pytest.mark.parametrize("reason", ["", "curious", "complaint&size=1"])
async def test_nothing_is_revealed_without_a_reason_of_the_list(browser: Browser, reason: str) -> None:
    got = await browser.post(browser.pages.reveal, customer=HONG, reason=reason)

    assert got.status == 422
    assert [call for call, _ in browser.apps.calls] == [CUSTOMER, MESSAGES_OF_HONG]
    assert 'href="#reason-1"' in got.html
    assert "홍*동" in got.html


async def test_cancelling_asks_first(browser: Browser) -> None:
    got = await browser.get(browser.pages.ask_to_cancel, customer=HONG)

    assert [call for call, _ in browser.apps.calls] == [CUSTOMER]
    assert f'<form method="post" action="/operators/customers/{HONG}/cancel">' in got.html
    assert "홍*동" in got.html


async def test_a_registration_is_cancelled_for_the_customer(browser: Browser) -> None:
    browser.apps.answers[f"DELETE /customers/{HONG}"] = answered(204)

    got = await browser.post(browser.pages.cancel, customer=HONG)

    assert browser.apps.calls == [(f"DELETE /customers/{HONG}", None)]
    assert (got.status, got.title) == (200, "취소했습니다 – 싹8")


@pytest.mark.parametrize(("status", "title"), [(404, "그런 고객이 없습니다"), (409, "취소하지 못했습니다")])
async def test_what_cannot_be_cancelled_is_not_said_to_be(browser: Browser, status: int, title: str) -> None:
    browser.apps.answers[f"DELETE /customers/{HONG}"] = answered(status)

    got = await browser.post(browser.pages.cancel, customer=HONG)

    assert (got.status, got.title) == (status, f"{title} – 싹8")


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


@pytest.mark.parametrize("status", [429, 500, 502, 503])
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
async def test_only_an_id_gets_into_the_path_of_a_call(browser: Browser, name: str) -> None:
    if name == "search":
        return

    got = await visit(browser, name, customer="../me/data")

    assert (got.status, browser.apps.calls) == (404, [])


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


@pytest.mark.parametrize("language", Language)
def test_there_are_words_for_whatever_the_apps_may_answer(language: Language) -> None:
    kinds = [f"messages.kind.{kind}" for kind in MessageKind]
    statuses = [f"messages.status.{status}" for status in get_args(KakaoMessage.model_fields["status"].annotation)]
    states = [f"state.{state}" for state in (*RegistrationStatus, "canceled")]
    reasons = [f"reason.{reason}" for reason in Reason]
    times = [f"time.{name}" for name in SHOWN if name.endswith("At") and name != "sentAt"]

    assert {f"operators.{name}" for name in (*kinds, *statuses, *states, *reasons, *times)} <= words(language).names


@every_page
async def test_the_pages_are_there_in_english(browser: Browser, name: str) -> None:
    browser.apps.answers[f"{CUSTOMER}?reveal=true&reason=complaint"] = answered(**WHOLE)
    browser.apps.answers[f"DELETE /customers/{HONG}"] = answered(204)
    browser.accept_language = "en"

    got = await visit(browser, name)

    assert '<html lang="en">' in got.html
    assert re.search("[가-힣]", re.sub("하나|홍.*동|인천광역시 남동구|20대", "", got.html)) is None
