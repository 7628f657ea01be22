"""My registration: all that is stored, what was just done, and the newer of two answers."""

import json

import pytest

from tests.unit.web.apps import CANCELED_AT, DOWN, ID, NOT_SIGNED_IN, REGISTERED_AT, UPDATED_AT, problem
from tests.unit.web.browser import TRACE, Browser, Html, Response
from web.ports import Answered


def details(html: Html) -> list[str]:
    """What the list of details has."""
    return [line.strip() for line in html.words["dl"].splitlines() if line.strip()]


def done(response: Response) -> bool:
    return bool(response.html.all("div", role="status", **{"class": "done"}))


async def test_nobody_sees_it_without_having_signed_in(browser: Browser) -> None:
    response = await browser.get("/my")

    assert (response.status, response.location) == (303, "/")
    assert browser.apps.calls == []


async def test_all_that_is_stored_is_shown(signed_in: Browser) -> None:
    consent = {"policyVersion": "2026-12-01", "items": ["collection"], "at": REGISTERED_AT}
    signed_in.apps.have_registered(updatedAt=UPDATED_AT, consent=consent)

    response = await signed_in.get("/my")

    shown = " ".join(details(response.html))
    for text in ("등록됨", "김연", "010-1234-5678", "20", "인천광역시 남동구 정각로 29 101동", ID):
        assert text in shown
    # UTC in the data, Seoul on the page.
    assert "등록한 때 2026.\u00a011.\u00a026. 오전\u00a09:03" in shown.replace("때2026", "때 2026")
    assert "2026.\u00a011.\u00a026. 오후\u00a01:30" in shown
    assert response.html.all("time", datetime=UPDATED_AT)
    assert "등록 알림: 시험 환경이어서 실제로 보내지는 않았습니다" in response.text
    for path in ("/my/registration/edit", "/my/registration/cancel", "/my/data"):
        assert response.html.all("a", href=path)


async def test_what_the_write_model_says_is_newer_than_the_view(signed_in: Browser) -> None:
    signed_in.apps.have_registered()
    signed_in.apps.view = {**(signed_in.apps.view or {}), "customerAddress": "서울"}

    response = await signed_in.get("/my")

    assert "인천광역시 남동구 정각로 29 101동" in response.text
    assert "서울" not in response.text


async def test_what_was_removed_is_not_shown_from_the_view(signed_in: Browser) -> None:
    signed_in.apps.have_registered()
    assert signed_in.apps.registered
    del signed_in.apps.registered["customerPhone"]

    response = await signed_in.get("/my")

    assert "010-1234-5678" not in response.text
    assert "입력하지 않음" in response.text


async def test_without_a_registration_there_is_a_link_to_register(signed_in: Browser) -> None:
    response = await signed_in.get("/my")

    assert response.status == 200
    assert response.html.all("a", href="/my/registration")
    assert "등록하신 내용이 없습니다" in response.text
    assert response.html.all("a", href="/my/data") == []


async def test_what_is_postponed_says_what_is_waited_for_since_when_and_until_when(signed_in: Browser) -> None:
    signed_in.apps.have_postponed()

    response = await signed_in.get("/my?done=postponed")

    shown = " ".join(details(response.html))
    assert "등록을 예약했습니다" in response.text
    assert response.html.all("div", **{"data-refresh": "10"})
    assert response.html.all("meta", **{"http-equiv": "refresh"}) == []
    assert "등록 예약 중" in shown
    assert "2026.\u00a011.\u00a026. 오전\u00a09:03" in shown
    assert "2026.\u00a011.\u00a027. 오전\u00a09:03" in shown
    assert response.html.all("a", href="/my/registration/cancel")
    assert response.html.all("a", href="/my/registration/edit") == []


async def test_after_cancelling_it_says_so_at_once_although_the_view_lags(signed_in: Browser) -> None:
    signed_in.apps.have_registered()
    signed_in.apps.documents = [{"kind": "cancellation", "content": {"canceledAt": CANCELED_AT}}]
    asked = await signed_in.get("/my/registration/cancel")
    gone = await signed_in.post("/my/registration/cancel", asked.html.inputs())

    response = await signed_in.get(gone.location)

    assert signed_in.apps.view
    assert "등록을 취소했습니다" in response.text
    assert "김연" not in response.text
    assert "등록을 취소한 때:" in response.text
    assert "2026.\u00a011.\u00a027. 오전\u00a012:05" in response.text
    assert response.html.all("a", href="/my/registration")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("expired", "기한 안에 카카오톡으로 알려 드리지 못해"),
        ("refused", "알림을 보낼 수 없어"),
        ("withdrawn", "등록 예약을 취소한 때"),
    ],
)
async def test_how_a_postponed_registration_ended_is_said_as_long_as_it_is_stored(
    signed_in: Browser, status: str, text: str
) -> None:
    content = {"status": status, "acceptedAt": REGISTERED_AT}
    signed_in.apps.documents = [{"kind": "registration", "content": content}, {"kind": "message", "content": {}}]

    assert text in (await signed_in.get("/my")).text


async def test_of_several_ends_the_last_is_said(signed_in: Browser) -> None:
    signed_in.apps.documents = [
        {"kind": "registration", "content": {"status": "registered", "acceptedAt": REGISTERED_AT}},
        {"kind": "cancellation", "content": {"canceledAt": CANCELED_AT}},
        {"kind": "registration", "content": {"status": "expired", "acceptedAt": REGISTERED_AT}},
    ]

    response = await signed_in.get("/my")

    assert response.html.all("time", datetime=CANCELED_AT)
    assert response.html.all("time", datetime=REGISTERED_AT) == []


@pytest.mark.parametrize("answer", [DOWN, Answered(503, {}), NOT_SIGNED_IN, Answered(418, {})])
async def test_how_it_ended_is_only_a_comfort(signed_in: Browser, answer: Answered | Exception) -> None:
    signed_in.apps.answers["GET /me/data"] = answer

    assert (await signed_in.get("/my?done=canceled")).status == 200


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("registered", "none"),
        ("registered", "pending"),
        ("postponed", "none"),
        ("corrected", "registered"),
        ("corrected", "none"),
        ("canceled", "registered"),
        ("canceled", "pending"),
        ("withdrawn", "registered"),
        ("withdrawn", "pending"),
        ("signed-out", "registered"),
        ("<script>", "registered"),
    ],
)
async def test_an_address_that_does_not_agree_with_what_is_so_says_nothing(
    signed_in: Browser, said: str, state: str
) -> None:
    if state == "registered":
        signed_in.apps.have_registered()
    if state == "pending":
        signed_in.apps.have_postponed()

    assert not done(await signed_in.get(f"/my?done={said}"))


async def test_once_it_is_registered_it_is_not_postponed_any_more(signed_in: Browser) -> None:
    signed_in.apps.have_registered()

    assert "등록되었습니다" in (await signed_in.get("/my?done=postponed")).text


@pytest.mark.parametrize("path", ["/my", "/my/registration", "/my/registration/edit", "/my/registration/cancel"])
@pytest.mark.parametrize("answer", [DOWN, Answered(502, {}), problem(503, "unavailable", headers={"Retry-After": "7"})])
async def test_without_the_other_apps_a_page_says_when_to_try_again(
    signed_in: Browser, path: str, answer: Answered | Exception
) -> None:
    signed_in.apps.answers["GET /me/registration"] = answer

    response = await signed_in.get(path)

    assert response.status == 503
    expected = "7" if isinstance(answer, Answered) and answer.status == 503 else "5"
    assert response.headers["Retry-After"] == expected
    assert "불러올 수 없습니다" in response.text


@pytest.mark.parametrize("path", ["/my", "/my/registration", "/my/registration/edit", "/my/registration/cancel"])
@pytest.mark.parametrize("call", ["/me/registration", f"/customers/{ID}"])
async def test_a_fault_of_another_app_is_a_page_with_the_trace_and_does_not_promise_that_waiting_helps(
    signed_in: Browser, caplog: pytest.LogCaptureFixture, path: str, call: str
) -> None:
    signed_in.apps.have_registered().answers[f"GET {call}"] = problem(500, "internal")

    response = await signed_in.get(path)

    assert (response.status, TRACE in response.text) == (500, True)
    assert "Retry-After" not in response.headers
    assert "저희 쪽에 문제가 생겼습니다" in response.text
    assert "UnexpectedAnswer 500" in caplog.text
    assert TRACE in caplog.text


@pytest.mark.parametrize("path", ["/me/registration", f"/customers/{ID}"])
async def test_whoever_the_apps_do_not_know_any_more_signs_in_again(signed_in: Browser, path: str) -> None:
    signed_in.apps.have_registered().answers[f"GET {path}"] = NOT_SIGNED_IN

    response = await signed_in.get("/my")

    assert response.status == 403
    assert response.html.all("a", href="/login")
    assert signed_in.cookies == {}


async def test_everything_that_is_stored_is_downloaded_as_it_is(signed_in: Browser) -> None:
    signed_in.apps.documents = [{"kind": "customer", "content": {"customerName": "김연"}}]

    response = await signed_in.get("/my/data")

    assert response.status == 200
    assert json.loads(response.text) == {"documents": signed_in.apps.documents}
    assert response.headers["Content-Disposition"] == 'attachment; filename="ssak8-data.json"'
    assert response.headers["Cache-Control"] == "no-store"


async def test_where_nothing_is_stored_a_page_says_so(signed_in: Browser) -> None:
    response = await signed_in.get("/my/data")

    assert (response.status, "저장된 정보가 없습니다" in response.text) == (404, True)


@pytest.mark.parametrize(
    ("answer", "status"), [(DOWN, 503), (Answered(502, {}), 503), (NOT_SIGNED_IN, 403), (Answered(500, {}), 500)]
)
async def test_a_download_that_fails_is_a_page(signed_in: Browser, answer: Answered | Exception, status: int) -> None:
    signed_in.apps.answers["GET /me/data"] = answer

    response = await signed_in.get("/my/data")

    assert response.status == status
    assert response.html.all("h1") == [{}]
