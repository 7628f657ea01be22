"""Cancelling and withdrawing on my page: asked first, and always of the customer's own."""

import pytest

from tests.unit.web.apps import DOWN, ID, NOT_SIGNED_IN, problem
from tests.unit.web.browser import TRACE, Browser, Response
from web.ports import Answered

FORM = "/my/registration/cancel"


async def agree(browser: Browser, **changes: str) -> Response:
    return await browser.post(FORM, {**(await browser.get(FORM)).html.inputs(), **changes})


@pytest.fixture
def registered(signed_in: Browser) -> Browser:
    signed_in.apps.have_registered()
    return signed_in


async def test_the_page_asks_and_says_what_is_deleted_when(registered: Browser) -> None:
    response = await registered.get(FORM)

    assert "김연 님의 등록을 취소하시겠습니까?" in response.text
    assert "5일 안에 파기" in response.text
    assert response.html.all("button", **{"class": "danger"})
    assert response.html.all("a", href="/my")
    assert registered.apps.changing() == []


async def test_a_registration_is_cancelled(registered: Browser) -> None:
    response = await agree(registered)

    assert (response.status, response.location) == (303, "/my?done=canceled")
    assert registered.apps.changing() == [("DELETE", f"/customers/{ID}")]


@pytest.mark.parametrize("other", ["0189ee3e-0000-7000-8000-000000000002", "", f"{ID}/../{ID}", ID.upper()])
async def test_who_has_agreed_to_cancel_another_registration_is_asked_again(registered: Browser, other: str) -> None:
    response = await agree(registered, id=other)

    assert response.status == 409
    assert "김연 님의 등록을 취소하시겠습니까?" in response.text
    assert response.html.inputs()["id"] == ID
    assert registered.apps.changing() == []


async def test_a_second_click_has_what_it_asked_for(registered: Browser) -> None:
    first, second = await agree(registered), await registered.post(FORM, {})

    assert (first.location, second.location) == ("/my?done=canceled",) * 2
    assert len(registered.apps.changing()) == 1


async def test_what_is_gone_between_reading_and_cancelling_is_cancelled(registered: Browser) -> None:
    registered.apps.answers[f"DELETE /customers/{ID}"] = problem(404, "not-found")

    assert (await agree(registered)).location == "/my?done=canceled"


async def test_a_postponed_registration_is_withdrawn(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()
    asked = await signed_in.get(FORM)

    response = await agree(signed_in)

    assert "등록 예약을 취소하시겠습니까?" in asked.text
    assert (response.status, response.location) == (303, "/my?done=withdrawn")
    assert signed_in.apps.changing() == [("DELETE", f"/registrations/{ID}")]
    assert "등록 예약을 취소했습니다" in (await signed_in.get(response.location)).text


async def test_what_was_registered_before_it_could_be_withdrawn_is_asked_about_again(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()
    form = (await signed_in.get(FORM)).html.inputs()
    signed_in.apps.have_registered().pending = None

    response = await signed_in.post(FORM, form)

    assert (response.status, "그사이에 등록되었습니다" in response.text) == (409, True)
    assert signed_in.apps.changing() == []
    assert (await signed_in.post(FORM, response.html.inputs())).location == "/my?done=canceled"


async def test_what_is_registered_while_it_is_withdrawn_is_asked_about_again(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()
    signed_in.apps.answers[f"DELETE /registrations/{ID}"] = problem(409, "too-late")

    assert (await agree(signed_in)).status == 409


async def test_whoever_has_none_is_asked_nothing(signed_in: Browser) -> None:
    assert (await signed_in.get(FORM)).location == "/my"


@pytest.mark.parametrize("answer", [DOWN, Answered(502, {}), problem(503, "unavailable", headers={"Retry-After": "3"})])
async def test_without_the_other_app_the_page_asks_again(registered: Browser, answer: Answered | Exception) -> None:
    registered.apps.answers[f"DELETE /customers/{ID}"] = answer

    response = await agree(registered)

    assert (response.status, "취소되었는지 확인하지 못했습니다" in response.text) == (503, True)
    assert response.headers["Retry-After"] in ("3", "5")
    assert (await registered.post(FORM, response.html.inputs())).location == "/my?done=canceled"


@pytest.mark.parametrize("answer", [problem(500, "internal"), Answered(418, {})])
async def test_after_a_fault_of_another_app_the_page_asks_again_and_has_the_trace(
    registered: Browser, answer: Answered
) -> None:
    registered.apps.answers[f"DELETE /customers/{ID}"] = answer

    response = await agree(registered)

    assert (response.status, TRACE in response.text) == (500, True)
    assert "취소되었는지 확인하지 못했습니다" in response.text
    assert (await registered.post(FORM, response.html.inputs())).location == "/my?done=canceled"


async def test_whoever_the_other_app_does_not_know_any_more_signs_in_again(registered: Browser) -> None:
    registered.apps.answers[f"DELETE /customers/{ID}"] = NOT_SIGNED_IN

    assert (await agree(registered)).status == 403
