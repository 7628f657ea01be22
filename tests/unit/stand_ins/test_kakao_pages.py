"""What the stand-in shows to a person, and whom it still knows."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import jwt
import pytest

from stand_ins.kakao_login.people import PEOPLE
from stand_ins.kakao_login.server import DEFAULT_CLIENT_ID
from tests.unit.stand_ins.kakao import ASKED, SIGNED_OUT, YEON, Running, running_stand_in


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_stand_in() as running:
        yield running


async def test_who_cancels_comes_back_with_an_error(running: Running) -> None:
    shown = await running.page("POST", {"person": YEON.number, "cancel": "1"})

    assert shown.query == {
        "error": "access_denied",
        "error_description": "User denied access",
        "state": ASKED["state"],
    }


async def test_a_refusal_shows_what_was_sent_as_text(running: Running) -> None:
    shown = await running.page(scope="<script>alert(1)</script>")

    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text


async def test_anybody_else_can_be_chosen_by_number(running: Running) -> None:
    code = (await running.page("POST", {"person": YEON.number, "number": " 77 "})).query["code"]
    _, tokens = await running.exchange(code=code)

    assert jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"] == "77"


@pytest.mark.parametrize("number", ["", "0", "01", "-1", "1e5", "one", "1" * 20, "²"])
async def test_what_is_no_number_is_asked_for_again(running: Running, number: str) -> None:
    shown = await running.page("POST", {"person": "", "number": number})

    assert (shown.status, shown.location) == (422, "")
    assert 'role="alert"' in shown.text
    assert "<title>오류" in shown.text


class Page(HTMLParser):
    """The parts of a page by which people who see nothing, or use no mouse, find their way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.found if each == tag]


async def test_the_page_is_korean_labelled_and_needs_no_script(running: Running) -> None:
    page = Page((await running.page()).text)

    assert page.all("html") == [{"lang": "ko"}]
    assert [len(page.all(tag)) for tag in ("title", "main", "h1", "fieldset", "legend")] == [1] * 5
    assert page.all("script") == []
    assert page.all("form") == [{"method": "post"}]
    [field] = [each for each in page.all("input") if each["type"] == "text"]
    assert [label["for"] for label in page.all("label") if "for" in label] == [field["id"]]
    people = [each["value"] for each in page.all("input") if each["type"] == "radio"]
    assert people == [person.number for person in PEOPLE]


async def test_the_page_asks_no_other_host_for_anything(running: Running) -> None:
    for shown in (await running.page(), await running.page(client_id="another")):
        addresses = [
            value
            for _, attributes in Page(shown.text).found
            for name, value in attributes.items()
            if name in ("href", "src")
        ]
        assert addresses == ["data:,"]


async def test_who_stays_signed_in_is_not_asked_again(running: Running) -> None:
    assert (await running.page(prompt="none")).query["error"] == "login_required"
    assert (await running.page("POST", {"person": YEON.number, "stay": "1"})).query["code"]

    assert (await running.page()).query["code"]
    assert (await running.page(prompt="none")).query["code"]
    for prompt in ("login", "select_account", "create", "login,select_account"):
        assert (await running.page(prompt=prompt)).status == 200


async def test_who_does_not_stay_signed_in_is_asked_again(running: Running) -> None:
    await running.code()

    assert (await running.page()).status == 200


async def test_signing_out_at_kakao_ends_staying_signed_in(running: Running) -> None:
    await running.page("POST", {"person": YEON.number, "stay": "1"})
    query = {"client_id": DEFAULT_CLIENT_ID, "logout_redirect_uri": SIGNED_OUT, "state": "s"}

    async with running.browser.get("/oauth/logout", params=query, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, f"{SIGNED_OUT}?state=s")
    assert (await running.page()).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"client_id": "another"}, "KOE101"), ({"logout_redirect_uri": "https://evil.example/"}, "KOE007")],
)
async def test_signing_out_sends_nobody_elsewhere(running: Running, changes: dict[str, str], code: str) -> None:
    query = {"client_id": DEFAULT_CLIENT_ID, "logout_redirect_uri": SIGNED_OUT, **changes}

    async with running.browser.get("/oauth/logout", params=query, allow_redirects=False) as response:
        assert response.status == 400
        assert code in await response.text()
