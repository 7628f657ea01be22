"""Registering on my page: the form, and what becomes of it."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from tests.unit.web.apps import ID, YEON, problem
from tests.unit.web.browser import Browser
from tests.unit.web.registering import FORM, VERSION, filled, register, wrong
from web.pages.postcode import SCRIPT


async def test_the_form_says_what_is_collected_and_asks_for_consent_with_unchecked_boxes(signed_in: Browser) -> None:
    response = await signed_in.get(FORM)

    html = response.html
    assert response.status == 200
    assert html.title == "등록 – 싹8"
    boxes = html.all("input", type="checkbox")
    assert [box["name"] for box in boxes] == ["consent", "oldEnough"]
    assert [box for box in boxes if "checked" in box] == []
    assert html.words["legend"] == "개인정보 수집·이용 동의 (필수)"
    for text in ("목적", "항목", "보유 기간", "거부할 권리", "이름, 휴대전화번호, 주소, 나이", "만 14세 이상입니다"):
        assert text in response.text
    assert html.all("a", href=f"/privacy/{VERSION}")


async def test_every_field_has_a_label_and_says_what_a_browser_may_fill_in(signed_in: Browser) -> None:
    html = (await signed_in.get(FORM)).html

    fields = [each for each in html.all("input") if each["type"] != "hidden"]
    assert [each["id"] for each in fields] == [label["for"] for label in html.all("label")]
    assert {each["name"]: each["autocomplete"] for each in fields if "autocomplete" in each} == {
        "customerName": "name",
        "customerPhone": "tel-national",
        "roadAddress": "address-line1",
        "detailAddress": "address-line2",
    }
    for each in fields:
        for described in each.get("aria-describedby", "").split():
            assert html.words[f"#{described}"].strip()


async def test_a_customer_is_registered_and_sees_it(signed_in: Browser) -> None:
    response = await register(signed_in)

    assert (response.status, response.location) == (303, "/my?done=registered")
    [(_, _, body, headers)] = [call for call in signed_in.apps.calls if call[0] == "POST"]
    assert body == {
        "customerName": "김연",
        "customerPhone": "010-1234-5678",
        "customerAge": "20",
        "customerAddress": "인천광역시 남동구 정각로 29 101동",
        "consent": {"policyVersion": VERSION, "items": ["collection"]},
    }
    assert "Prefer" not in headers
    assert UUID(headers["Idempotency-Key"])


async def test_the_other_apps_hear_the_customers_token_and_where_the_browser_is(signed_in: Browser) -> None:
    form = await filled(signed_in)

    await signed_in.post(FORM, form, x_forwarded_for="203.0.113.7")

    caller = signed_in.apps.callers[-1]
    assert (caller.token, caller.forwarded_for) == (signed_in.cookies["__Host-session"], "203.0.113.7")


async def test_a_double_click_registers_once_and_is_answered_twice(signed_in: Browser) -> None:
    form = await filled(signed_in)

    first, second = await signed_in.post(FORM, form), await signed_in.post(FORM, form)

    assert (first.location, second.location) == ("/my?done=registered",) * 2
    assert signed_in.apps.registrations == 1


async def test_two_forms_are_two_requests_but_one_registration(signed_in: Browser) -> None:
    one, other = await filled(signed_in), await filled(signed_in)

    await signed_in.post(FORM, one)
    response = await signed_in.post(FORM, other)

    assert one["idempotency"] != other["idempotency"]
    assert (response.status, response.location) == (303, "/my")
    assert signed_in.apps.registrations == 1


async def test_whoever_has_a_registration_goes_to_it(signed_in: Browser) -> None:
    signed_in.apps.have_registered()

    assert (await signed_in.get(FORM)).location == "/my"


async def test_whoever_has_postponed_one_goes_to_it(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()

    assert (await signed_in.get(FORM)).location == "/my"


async def test_whoever_has_just_cancelled_can_register_although_the_view_lags(signed_in: Browser) -> None:
    signed_in.apps.have_registered().registered = None

    assert (await signed_in.get(FORM)).status == 200


async def test_an_empty_form_says_at_once_what_is_missing_and_sends_nothing(signed_in: Browser) -> None:
    shown = (await signed_in.get(FORM)).html.inputs()

    response = await signed_in.post(FORM, {**shown, "idempotency": shown["idempotency"]})

    html = response.html
    assert response.status == 422
    assert html.title == "오류: 등록 – 싹8"
    assert list(wrong(html)) == ["customerName", "customerPhone", "customerAge", "roadAddress", "consent", "oldEnough"]
    [summary] = html.all("div", role="alert")
    assert (summary["tabindex"], "autofocus" in summary) == ("-1", True)
    for name in wrong(html):
        assert html.all("a", href=f"#{name}")
        [control] = html.all("input", id=name)
        assert control["aria-invalid"] == "true"
        assert f"{name}-error" in control["aria-describedby"].split()
    assert html.inputs()["idempotency"] == shown["idempotency"]
    assert signed_in.apps.changing() == []


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"customerName": "   "}, "customerName", "이름을 입력해 주세요."),
        ({"customerName": "가" * 101}, "customerName", "100자"),
        ({"customerName": "a\u202eb"}, "customerName", "읽을 수 없는 문자"),
        ({"customerName": "a\nb"}, "customerName", "읽을 수 없는 문자"),
        ({"customerName": "\u2800"}, "customerName", "이름을 입력해 주세요."),
        ({"customerName": "a" + "\u0302" * 5}, "customerName", "읽을 수 없는 문자"),
        ({"customerPhone": "number"}, "customerPhone", "숫자로"),
        ({"customerPhone": "02-123-4567"}, "customerPhone", "010으로 시작하는"),
        ({"customerPhone": "+1 202 555 0100"}, "customerPhone", "010으로 시작하는"),
        ({"customerPhone": "010-1234-567"}, "customerPhone", "11자리"),
        ({"customerAge": "스물"}, "customerAge", "숫자로"),
        ({"customerAge": "20.5"}, "customerAge", "숫자로"),
        ({"customerAge": "151"}, "customerAge", "0에서 150"),
        ({"customerAge": "-1"}, "customerAge", "0에서 150"),
        ({"roadAddress": "", "detailAddress": "101동"}, "roadAddress", "주소를 입력해 주세요."),
        ({"roadAddress": "가" * 150, "detailAddress": "나" * 50}, "roadAddress", "200자"),
        ({"detailAddress": "a\u200bb"}, "roadAddress", "읽을 수 없는 문자"),
        ({"consent": None}, "consent", "동의하셔야"),
        ({"consent": "no"}, "consent", "동의하셔야"),
        ({"oldEnough": None}, "oldEnough", "나이인지"),
    ],
)
async def test_what_is_wrong_is_said_in_korean_at_its_field_with_the_input_kept(
    signed_in: Browser, changes: Mapping[str, str | None], field: str, text: str
) -> None:
    form = await filled(signed_in, **changes)

    response = await signed_in.post(FORM, form)

    html = response.html
    assert response.status == 422
    assert list(wrong(html)) == [field]
    assert text in wrong(html)[field]
    kept = html.inputs()
    assert {name: kept.get(name) for name in form if form[name] != "no"} == {
        name: value for name, value in form.items() if value != "no"
    }
    assert signed_in.apps.changing() == []


@pytest.mark.parametrize("age", ["２０", "20세", " 20 "])
async def test_an_age_may_be_written_as_people_write_it(signed_in: Browser, age: str) -> None:
    await register(signed_in, customerAge=age)

    assert signed_in.apps.registered
    assert signed_in.apps.registered["customerAge"] == "20"


@pytest.mark.parametrize(
    ("field", "reason", "shown", "text"),
    [
        ("customerName", "String should have at most 100 characters", "customerName", "100자"),
        ("customerAddress", "String should have at least 1 character", "roadAddress", "주소를 입력"),
        ("customerPhone", "Field required", "customerPhone", "휴대전화번호를 입력"),
        ("customerPhone", "must be something new", "customerPhone", "다시 확인"),
        ("customerAge", "must be a whole number", "customerAge", "숫자로"),
    ],
)
async def test_what_the_api_refuses_is_said_at_the_field_too(
    signed_in: Browser, field: str, reason: str, shown: str, text: str
) -> None:
    errors = [{"field": field, "reason": reason}]
    signed_in.apps.answers["POST /customers"] = problem(422, "invalid-values", errors=errors)

    response = await register(signed_in)

    assert response.status == 422
    assert list(wrong(response.html)) == [shown]
    assert text in wrong(response.html)[shown]


async def test_what_the_api_refuses_without_a_field_of_the_form_is_said_above_it(signed_in: Browser) -> None:
    errors = [{"field": "customerFloor", "reason": "Field required"}]
    signed_in.apps.answers["POST /customers"] = problem(422, "invalid-values", errors=errors)

    response = await register(signed_in)

    assert response.status == 422
    assert "등록되지 않았습니다" in response.text


async def test_a_policy_that_is_no_longer_known_has_to_be_read_anew(signed_in: Browser) -> None:
    errors = [{"field": "consent.policyVersion", "reason": "must be a version of the privacy policy (2026-12-01)"}]
    signed_in.apps.answers["POST /customers"] = problem(422, "invalid-values", errors=errors)

    html = (await register(signed_in, policyVersion="2020-01-01")).html

    assert "다시 읽고" in wrong(html)["consent"]
    assert "checked" not in html.all("input", id="consent")[0]
    assert html.inputs()["policyVersion"] == VERSION


async def test_nobody_consents_to_a_version_that_somebody_made_up(signed_in: Browser) -> None:
    html = (await register(signed_in, policyVersion="../../evil")).html

    assert list(wrong(html)) == ["consent"]
    assert html.inputs()["policyVersion"] == VERSION


async def test_a_child_is_told_that_a_guardian_registers(signed_in: Browser) -> None:
    signed_in.apps.answers["POST /customers"] = problem(422, "too-young")

    response = await register(signed_in, customerAge="13")

    assert response.status == 422
    assert "보호자" in wrong(response.html)["customerAge"]


async def test_a_number_that_kakaotalk_refuses_can_be_corrected_in_another_attempt(signed_in: Browser) -> None:
    form = await filled(signed_in)
    signed_in.apps.answers["POST /customers"] = problem(422, "kakao-refused")

    html = (await signed_in.post(FORM, form)).html

    assert "카카오톡 알림을 보낼 수 없어" in wrong(html)["customerPhone"]
    assert html.inputs()["idempotency"] != form["idempotency"]


async def test_a_form_id_that_somebody_made_up_is_replaced(signed_in: Browser) -> None:
    response = await register(signed_in, idempotency="1 or 1=1")

    assert response.location == "/my?done=registered"


async def test_what_is_typed_is_shown_as_text(signed_in: Browser) -> None:
    response = await register(signed_in, customerName='"><script>alert(1)</script>', consent=None)

    assert response.html.inputs()["customerName"] == '"><script>alert(1)</script>'
    assert len(response.html.all("script")) == 1


async def test_the_registration_is_of_this_customer(signed_in: Browser) -> None:
    await register(signed_in)

    assert signed_in.apps.registered
    assert signed_in.apps.registered["customerName"] == YEON["customerName"]
    assert ID not in (await signed_in.get("/")).text


@pytest.mark.parametrize("form", [{}, {"customerName": ""}])
async def test_kakaos_search_for_an_address_is_let_in_only_where_it_is_switched_on(
    monkeypatch: pytest.MonkeyPatch, form: dict[str, str]
) -> None:
    for switch, frames in (
        ("off", None),
        ("on", "https://postcode.map.daum.net https://postcode.map.kakao.com"),
    ):
        browser = Browser(monkeypatch, WEB_POSTCODE=switch).signed_in()
        page = await register(browser, **form) if form else await browser.get(FORM)
        other = await browser.get("/my")

        directives = dict(each.partition(" ")[::2] for each in page.headers["Content-Security-Policy"].split("; "))
        assert directives.get("frame-src") == frames
        assert directives["default-src"] == "'none'"
        scripts = "'self'" + (" https://t1.daumcdn.net https://t1.kakaocdn.net" if frames else "")
        assert directives["script-src"] == scripts
        assert len(page.html.all("button", **{"data-postcode": SCRIPT})) == bool(frames)
        assert "frame-src" not in other.headers["Content-Security-Policy"]
