"""What operators see of customers, and which calls of the other apps that makes."""

import re
from typing import get_args

import pytest

from shared.domain.access_record import Reason
from shared.domain.kakao_message import KakaoMessage, MessageKind
from shared.domain.registration import RegistrationStatus
from shared.http.operators import SHOWN
from tests.unit.web.one_customer import (
    CUSTOMER,
    HONG,
    MASKED,
    MESSAGES_OF_HONG,
    REGISTRATION,
    VIEW,
    WHOLE,
    browser_with_one_customer,
)
from tests.unit.web.operators import TOKEN, Browser, answered
from web.ports import Calling
from web.rendering import words
from web.visit import Language


@pytest.fixture
async def browser() -> Browser:
    return await browser_with_one_customer()


async def test_customers_are_found_by_a_phone_number_that_is_in_no_url(browser: Browser) -> None:
    browser.apps.answers["POST /customers/search"] = answered(_embedded={"customers": [MASKED]})

    got = await browser.post(browser.pages.search, query=" 010-1234-5678 ")

    assert browser.apps.calls == [("POST /customers/search", {"customerPhone": "010-1234-5678"})]
    assert browser.apps.callers == [Calling(TOKEN, "203.0.113.7")]
    assert (got.status, got.headers["Cache-Control"]) == (200, "no-store")
    assert f'href="/operators/customers/{HONG}">홍*동 (고객번호 끝자리 000000000001)</a>' in got.html
    assert all(str(MASKED[name]) in got.html for name in ("customerPhone", "customerAddress", "customerAge"))


async def test_customers_are_found_by_their_id(browser: Browser) -> None:
    got = await browser.post(browser.pages.search, query=HONG.upper())

    assert browser.apps.calls == [(CUSTOMER, None)]
    assert f'href="/operators/customers/{HONG}">홍*동 (고객번호 끝자리 000000000001)</a>' in got.html


async def test_links_to_people_of_the_same_name_can_be_told_apart(browser: Browser) -> None:
    other = {**MASKED, "id": HONG.replace("1", "2")}
    browser.apps.answers["POST /customers/search"] = answered(_embedded={"customers": [MASKED, other]})

    got = await browser.post(browser.pages.search, query="010-1234-5678")

    texts = re.findall(r'href="/operators/customers/[^"]+">([^<]+)</a>', got.html)
    assert len(texts) == len(set(texts)) == 2


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
    assert '<time datetime="2026-11-26T00:03:00Z">2026.\u00a011.\u00a026. 오전\u00a09:03</time>' in got.html
    assert "등록 알림: 시험 환경이라 보내지 않음" in got.html
    assert re.findall(r'name="reason" value="([a-z-]+)"', got.html) == list(Reason)
    assert f'href="/operators/customers/{HONG}/cancel"' in got.html


@pytest.mark.parametrize("status", [None, 500, 503])
async def test_a_record_is_shown_while_its_messages_cannot_be_read(browser: Browser, status: int | None) -> None:
    if status is None:
        browser.apps.away = (MESSAGES_OF_HONG,)
    else:
        browser.apps.answers[MESSAGES_OF_HONG] = answered(status)

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


@pytest.mark.parametrize("language", Language)
def test_there_are_words_for_whatever_the_apps_may_answer(language: Language) -> None:
    kinds = [f"messages.kind.{kind}" for kind in MessageKind]
    statuses = [f"messages.status.{status}" for status in get_args(KakaoMessage.model_fields["status"].annotation)]
    states = [f"state.{state}" for state in (*RegistrationStatus, "canceled")]
    reasons = [f"reason.{reason}" for reason in Reason]
    times = [f"time.{name}" for name in SHOWN if name.endswith("At") and name != "sentAt"]

    assert {f"operators.{name}" for name in (*kinds, *statuses, *states, *reasons, *times)} <= words(language).names
