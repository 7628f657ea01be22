"""Correcting on my page: what has changed is sent, and nobody overwrites what they have not seen."""

from typing import Any

import pytest

from tests.unit.web.apps import DOWN, ID, NOT_SIGNED_IN, YEON, problem
from tests.unit.web.browser import TRACE, Browser, Response
from tests.unit.web.registering import wrong
from web.ports import Answered

FORM = "/my/registration/edit"


@pytest.fixture
def registered(signed_in: Browser) -> Browser:
    signed_in.apps.have_registered()
    return signed_in


async def correct(browser: Browser, **changes: str) -> Response:
    return await browser.post(FORM, {**(await browser.get(FORM)).html.inputs(), **changes})


def sent(browser: Browser) -> list[tuple[Any, Any]]:
    return [(body, headers) for method, _, body, headers in browser.apps.calls if method == "PATCH"]


async def test_the_form_shows_what_is_stored(registered: Browser) -> None:
    html = (await registered.get(FORM)).html

    shown = {name: str(value) for name, value in YEON.items()}
    assert html.inputs() == {**shown, "version": f'{ID} "1"', "mark": registered.mark}


async def test_only_what_has_changed_is_sent_for_the_version_that_was_seen(registered: Browser) -> None:
    response = await correct(registered, customerAddress="서울특별시 중구 세종대로 110")

    assert (response.status, response.location) == (303, "/my?done=corrected")
    assert sent(registered) == [({"customerAddress": "서울특별시 중구 세종대로 110"}, {"If-Match": '"1"'})]
    after = await registered.get(response.location)
    assert "수정했습니다" in after.text
    assert "서울특별시" in after.text


async def test_whoever_changes_nothing_is_told_so(registered: Browser) -> None:
    response = await correct(registered, customerName=" 김연 ")

    assert (response.status, "바뀐 내용이 없습니다" in response.text) == (200, True)
    assert not response.html.title.startswith("오류")
    assert registered.apps.changing() == []


async def test_what_changed_meanwhile_is_shown_before_it_is_overwritten(registered: Browser) -> None:
    form = (await registered.get(FORM)).html.inputs()
    await correct(registered, customerName="김현")

    response = await registered.post(FORM, {**form, "customerAddress": "서울"})

    assert response.status == 412
    assert "그사이에 등록 내용이 바뀌었습니다" in response.text
    shown = response.html.inputs()
    assert (shown["customerName"], shown["version"]) == ("김현", f'{ID} "2"')
    assert len(sent(registered)) == 1
    assert (await registered.post(FORM, {**shown, "customerAddress": "서울"})).status == 303


async def test_what_changes_between_reading_and_writing_is_shown_too(registered: Browser) -> None:
    registered.apps.answers[f"PATCH /customers/{ID}"] = problem(412, "precondition-failed")

    response = await correct(registered, customerName="김현")

    assert (response.status, response.html.inputs()["customerName"]) == (412, "김연")


async def test_a_double_click_corrects_once_and_is_answered_twice(registered: Browser) -> None:
    form = {**(await registered.get(FORM)).html.inputs(), "customerName": "김현"}

    first, second = await registered.post(FORM, form), await registered.post(FORM, form)

    assert (first.location, second.location) == ("/my?done=corrected",) * 2
    assert len(sent(registered)) == 1


@pytest.mark.parametrize(
    "version", ["*", "", '"1"', f'{ID} "2"', f"{ID} *", '0189ee3e-0000-7000-8000-000000000002 "1"']
)
async def test_a_form_of_another_version_or_registration_overwrites_nothing(registered: Browser, version: str) -> None:
    response = await correct(registered, customerName="김현", version=version)

    assert response.status == 412
    assert sent(registered) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customerName": ""}, "customerName"),
        ({"customerPhone": ""}, "customerPhone"),
        ({"customerPhone": "010"}, "customerPhone"),
        ({"customerAge": "old"}, "customerAge"),
        ({"customerAddress": "가" * 201}, "customerAddress"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_with_the_input_kept(
    registered: Browser, changes: dict[str, str], field: str
) -> None:
    response = await correct(registered, **changes)

    assert (response.status, list(wrong(response.html))) == (422, [field])
    assert response.html.inputs()[field] == changes[field]
    assert response.html.title == "오류: 등록 내용 수정 – 싹8"
    assert registered.apps.changing() == []


async def test_a_stored_value_that_would_be_refused_today_does_not_prevent_correcting_another(
    signed_in: Browser,
) -> None:
    signed_in.apps.have_registered(customerAge=160)

    assert (await correct(signed_in, customerName="김현")).status == 303
    assert sent(signed_in)[0][0] == {"customerName": "김현"}


async def test_a_missing_number_may_stay_missing(signed_in: Browser) -> None:
    signed_in.apps.have_registered()
    assert signed_in.apps.registered
    del signed_in.apps.registered["customerPhone"]

    assert (await correct(signed_in, customerName="김현")).status == 303


async def test_a_child_is_told_that_a_guardian_registers(registered: Browser) -> None:
    registered.apps.answers[f"PATCH /customers/{ID}"] = problem(422, "too-young")

    assert "보호자" in wrong((await correct(registered, customerAge="13")).html)["customerAge"]


async def test_what_the_api_refuses_is_said_at_the_field(registered: Browser) -> None:
    errors = [{"field": "customerName", "reason": "String should have at most 100 characters"}]
    registered.apps.answers[f"PATCH /customers/{ID}"] = problem(422, "invalid-values", errors=errors)

    assert list(wrong((await correct(registered, customerName="김현")).html)) == ["customerName"]


CALLS = ["GET /me/registration", f"GET /customers/{ID}", f"PATCH /customers/{ID}"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [DOWN, Answered(502, {}), problem(503, "unavailable", headers={"Retry-After": "3"})])
async def test_without_the_other_app_the_input_is_kept(
    registered: Browser, call: str, answer: Answered | Exception
) -> None:
    form = (await registered.get(FORM)).html.inputs()
    registered.apps.answers[call] = answer

    response = await registered.post(FORM, {**form, "customerName": "김현"})

    assert (response.status, response.html.inputs()) == (503, {**form, "customerName": "김현"})
    assert response.headers["Retry-After"] in ("3", "5")
    assert "수정되었는지 확인하지 못했습니다" in response.text
    assert (await registered.post(FORM, response.html.inputs())).location == "/my?done=corrected"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [problem(500, "internal"), Answered(418, {})])
async def test_after_a_fault_of_another_app_the_input_is_kept_and_the_page_has_the_trace(
    registered: Browser, call: str, answer: Answered
) -> None:
    form = (await registered.get(FORM)).html.inputs()
    registered.apps.answers[call] = answer

    response = await registered.post(FORM, {**form, "customerName": "김현"})

    assert (response.status, response.html.inputs()) == (500, {**form, "customerName": "김현"})
    assert response.html.title.startswith("오류: ")
    assert TRACE in response.text
    assert "Retry-After" not in response.headers
    assert (await registered.post(FORM, response.html.inputs())).location == "/my?done=corrected"


async def test_what_was_cancelled_meanwhile_cannot_be_corrected(registered: Browser) -> None:
    form = (await registered.get(FORM)).html.inputs()
    registered.apps.registered = None

    for response in (await registered.get(FORM), await registered.post(FORM, form)):
        assert (response.status, "등록이 취소되었습니다" in response.text) == (404, True)


async def test_what_is_cancelled_between_reading_and_writing_cannot_be_corrected(registered: Browser) -> None:
    registered.apps.answers[f"PATCH /customers/{ID}"] = problem(404, "not-found")

    assert (await correct(registered, customerName="김현")).status == 404


async def test_what_is_pending_cannot_be_corrected(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()

    response = await signed_in.get(FORM)

    assert (response.status, "아직 수정하실 수 없습니다" in response.text) == (409, True)


async def test_whoever_the_other_app_does_not_know_any_more_signs_in_again(registered: Browser) -> None:
    registered.apps.answers[f"PATCH /customers/{ID}"] = NOT_SIGNED_IN

    assert (await correct(registered, customerName="김현")).status == 403
