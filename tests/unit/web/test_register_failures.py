"""Registering on my page while something fails, or has changed meanwhile."""

import pytest

from shared.domain.errors import KakaoUnavailable, Overloaded, StoreUnavailable
from tests.unit.web.apps import DOWN, NOT_SIGNED_IN, problem
from tests.unit.web.browser import TRACE, Browser
from tests.unit.web.registering import FORM, filled
from web.pages.register import NOTHING_DONE
from web.ports import Answered


async def test_without_kakaotalk_the_page_keeps_the_input_and_offers_to_postpone(signed_in: Browser) -> None:
    signed_in.apps.kakao_is_down = True
    form = await filled(signed_in)

    response = await signed_in.post(FORM, form)

    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert response.html.title.startswith("오류: ")
    assert "등록되지 않았습니다" in response.text
    assert response.html.inputs() == form
    assert response.html.all("button", name="postpone", value="yes")

    postponed = await signed_in.post(FORM, {**form, "postpone": "yes"})

    assert (postponed.status, postponed.location) == (303, "/my?done=postponed")
    keys = [headers["Idempotency-Key"] for method, _, _, headers in signed_in.apps.calls if method == "POST"]
    assert keys[0] == keys[1]


async def test_another_try_registers_once_kakaotalk_is_back(signed_in: Browser) -> None:
    signed_in.apps.kakao_is_down = True
    form = await filled(signed_in)
    await signed_in.post(FORM, form)
    signed_in.apps.kakao_is_down = False

    assert (await signed_in.post(FORM, form)).location == "/my?done=registered"


async def test_details_that_were_changed_after_a_refusal_are_another_request(signed_in: Browser) -> None:
    signed_in.apps.kakao_is_down = True
    form = await filled(signed_in)
    await signed_in.post(FORM, form)
    signed_in.apps.kakao_is_down = False

    response = await signed_in.post(FORM, {**form, "customerName": "김현"})

    assert response.location == "/my?done=registered"
    assert signed_in.apps.registered
    assert signed_in.apps.registered["customerName"] == "김현"


@pytest.mark.parametrize(
    "answer",
    [
        DOWN,
        Answered(502, {}),
        problem(503, "unavailable", str(StoreUnavailable("The database does not respond in time.", 1))),
    ],
)
async def test_whoever_may_be_registered_is_not_told_otherwise(
    signed_in: Browser, answer: Answered | Exception
) -> None:
    signed_in.apps.answers["POST /customers"] = answer
    form = await filled(signed_in)

    response = await signed_in.post(FORM, form)

    assert response.status == 503
    assert "등록되었는지 확인하지 못했습니다" in response.text
    assert response.html.inputs() == form
    assert response.html.all("button", name="postpone") == []
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("error", [KakaoUnavailable("no answer", 1), Overloaded("queue", 1)])
def test_the_apps_say_when_nothing_was_done(error: Exception) -> None:
    assert any(text in str(error) for text in NOTHING_DONE)


@pytest.mark.parametrize("answer", [problem(410, "registration-ended"), problem(422, "idempotency-key-reused")])
async def test_an_attempt_that_has_ended_is_followed_by_another(signed_in: Browser, answer: Answered) -> None:
    form = await filled(signed_in)
    signed_in.apps.answers["POST /customers"] = answer

    response = await signed_in.post(FORM, form)

    shown = response.html.inputs()
    assert response.status == 409
    assert "앞서 보내신 신청은 끝났습니다" in response.text
    assert shown["idempotency"] != form["idempotency"]
    assert (await signed_in.post(FORM, shown)).location == "/my?done=registered"


async def test_whoever_the_apps_do_not_know_any_more_signs_in_again(signed_in: Browser) -> None:
    form = await filled(signed_in)
    signed_in.apps.answers["POST /customers"] = NOT_SIGNED_IN

    response = await signed_in.post(FORM, form)

    assert response.status == 403
    assert response.html.all("a", href="/login")
    assert response.html.all("form", action="/logout") == []
    assert signed_in.cookies == {}


async def test_a_form_that_was_open_for_too_long_is_not_sent_and_says_so(signed_in: Browser) -> None:
    form = await filled(signed_in)
    signed_in.cookies.clear()

    response = await signed_in.post(FORM, form)

    assert response.status == 403
    assert "로그인이 끝났습니다" in response.text
    assert signed_in.apps.changing() == []


@pytest.mark.parametrize("answer", [problem(500, "internal"), Answered(418, {})])
async def test_after_a_fault_of_another_app_the_input_is_kept_and_the_page_has_the_trace(
    signed_in: Browser, answer: Answered
) -> None:
    form = await filled(signed_in)
    signed_in.apps.answers["POST /customers"] = answer

    response = await signed_in.post(FORM, form)

    assert (response.status, TRACE in response.text) == (500, True)
    assert response.html.title.startswith("오류: ")
    assert "등록되었는지 확인하지 못했습니다" in response.text
    assert response.html.inputs() == form
    assert "Retry-After" not in response.headers
    assert (await signed_in.post(FORM, response.html.inputs())).location == "/my?done=registered"
