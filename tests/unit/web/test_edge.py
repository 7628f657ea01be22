"""The edge of every page: where a form comes from, languages, headers, and errors as pages."""

from urllib.parse import urlencode

import pytest

from shared.settings import settings
from tests.unit.web.apps import ID
from tests.unit.web.browser import ORIGIN, SUBJECT, TRACE, Browser
from web.edge import preferred_language
from web.sessions import MARK_LENGTH
from web.visit import LONGEST_FORM, Language

FORM = {"content-type": "application/x-www-form-urlencoded"}
CANCEL = "/my/registration/cancel"
PATHS = ["/", "/my", "/my/registration", "/privacy", "/nowhere", "/login/callback"]
STRICT = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000",
    "Content-Language": "ko",
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": ORIGIN}, 303),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, 303),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://ssak8.example.com"}, 403),
        ({"origin": f"{ORIGIN}.evil.example"}, 403),
        ({"origin": f"{ORIGIN}:8443"}, 403),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"referer": f"{ORIGIN}/my"}, 403),
    ],
)
async def test_only_a_form_of_this_site_changes_anything(
    signed_in: Browser, headers: dict[str, str], status: int
) -> None:
    signed_in.apps.have_registered()

    content = urlencode({"mark": signed_in.mark, "id": ID}).encode()
    response = await signed_in.call("POST", CANCEL, content, {**FORM, **headers})

    assert response.status == status
    assert bool(signed_in.apps.changing()) == (status == 303)


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"a" * (LONGEST_FORM + 1), "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 415),
        (b"a=b", "text/plain", 415),
        (b"a=b", "multipart/form-data; boundary=x", 415),
        (b"a=b", "", 415),
        (b"&".join(b"a%d=1" % number for number in range(101)), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_what_is_no_form_of_this_site_is_a_page_that_says_so(
    signed_in: Browser, content: bytes, media_type: str, status: int
) -> None:
    signed_in.apps.have_registered()

    response = await signed_in.call("POST", CANCEL, content, {"content-type": media_type, "origin": ORIGIN})

    assert response.status == status
    assert response.html.all("h1") == [{}]
    assert signed_in.apps.calls == []


@pytest.mark.parametrize("content", [b"customerName=%FF%FE&%ED%A0%80=1", b"\xff\xfe=1", b"&&==&=", b"customerName=%"])
async def test_bytes_that_are_no_text_are_only_wrong_values(signed_in: Browser, content: bytes) -> None:
    sent = f"mark={signed_in.mark}&".encode() + content
    response = await signed_in.call("POST", "/my/registration", sent, {**FORM, "origin": ORIGIN})

    assert response.status == 422


async def test_a_form_at_the_limit_is_read(signed_in: Browser) -> None:
    content = f"mark={signed_in.mark}&".encode().ljust(LONGEST_FORM, b"a")

    assert (await signed_in.call("POST", "/my/registration", content, {**FORM, "origin": ORIGIN})).status == 422


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_the_headers_that_keep_it_to_itself(browser: Browser, path: str) -> None:
    response = await browser.get(path)

    assert {name: response.headers.get(name) for name in STRICT if response.status != 303} == (
        STRICT if response.status != 303 else {}
    )
    policy = dict(part.strip().partition(" ")[::2] for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "Accept-Language" in response.headers["Vary"]


async def test_nothing_of_a_page_comes_from_elsewhere_or_runs_inside_it(signed_in: Browser) -> None:
    for path in PATHS:
        for tag, attributes in (await signed_in.get(path)).html.elements:
            assert not {name for name in attributes if name.startswith("on")} | ({"style"} & attributes.keys())
            assert attributes.get("src", "/").startswith("/")
            assert tag != "style"


async def test_on_this_machine_there_is_no_promise_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch, PUBLIC_BASE_URL="http://127.0.0.1:8080")

    response = await browser.get("/")

    assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "ko"),
        ("", "ko"),
        ("ko", "ko"),
        ("en", "en"),
        ("en-GB", "en"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en;q=0.5,ko;q=0.5", "ko"),
        ("fr,de;q=0.9", "ko"),
        ("fr,en;q=0.1", "en"),
        ("en;q=0", "ko"),
        ("en;q=much", "ko"),
        ("en;q=nan", "ko"),
        ("EN-gb", "en"),
        ("english", "ko"),
        ("en;level=1", "ko"),
        ("," * 500 + "en", "ko"),
    ],
)
def test_it_is_korean_unless_the_browser_prefers_english(header: str | None, language: str) -> None:
    assert preferred_language(header) is Language(language)


@pytest.mark.parametrize(("language", "text"), [("en-GB,en", "There is no such page"), ("ko", "찾을 수 없는 페이지")])
async def test_a_page_says_in_which_language_it_is(browser: Browser, language: str, text: str) -> None:
    browser.language = language

    response = await browser.get("/nowhere")

    assert text in response.text
    assert response.html.all("html", lang=language[:2])
    assert response.headers["Content-Language"] == language[:2]


@pytest.mark.parametrize("path", ["/nowhere", "/my/nowhere", "/static", "/index.php"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def test_an_unknown_path_is_404(browser: Browser, method: str, path: str) -> None:
    response = await browser.call(method, path, b"", {})

    assert response.status == 404
    assert "찾을 수 없는 페이지입니다" in response.text


@pytest.mark.parametrize(
    ("path", "is_theirs"),
    [("/nowhere", False), ("/operatorsnowhere", False), ("/operators/nowhere", True), ("/operators/a/b", True)],
)
async def test_an_unknown_path_of_operators_leads_back_to_their_pages(
    browser: Browser, path: str, is_theirs: bool
) -> None:
    response = await browser.get(path)

    assert response.status == 404
    assert bool(response.html.all("a", href="/operators")) is is_theirs


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/my", "GET, HEAD, OPTIONS"),
        ("POST", "/my", "GET, HEAD, OPTIONS"),
        ("GET", "/logout", "OPTIONS, POST"),
        ("PUT", "/my/registration", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_405_and_lists_the_others(browser: Browser, method: str, path: str, allow: str) -> None:
    response = await browser.call(method, path, b"", {})

    assert (response.status, response.headers["Allow"]) == (405, allow)
    assert response.html.all("h1") == [{}]


async def test_options_of_a_page_is_204(browser: Browser) -> None:
    response = await browser.call("OPTIONS", "/my", b"", {})

    assert (response.status, response.headers["Allow"], response.text) == (204, "GET, HEAD, OPTIONS", "")


@pytest.mark.parametrize("path", ["/", "/my", "/my/registration", "/my/registration/edit", "/my/data"])
async def test_head_is_answered_as_get_is(signed_in: Browser, path: str) -> None:
    signed_in.apps.have_registered().documents = [{"kind": "customer", "content": {}}]

    head, get = await signed_in.call("HEAD", path, b"", {}), await signed_in.get(path)

    assert int(get.headers["Session-Seconds"]) <= int(head.headers["Session-Seconds"]) <= 3600
    expected = {**get.headers, "Session-Seconds": head.headers["Session-Seconds"]}
    assert (head.status, head.headers) == (get.status, expected)


async def test_a_mistake_of_ours_is_a_page_with_the_trace_and_nothing_else(
    signed_in: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    signed_in.apps.answers["GET /me/registration"] = ZeroDivisionError("김연 01012345678")

    response = await signed_in.get("/my")

    assert response.status == 500
    assert TRACE in response.text
    assert "김연" not in response.text + caplog.text
    assert TRACE in caplog.text


async def test_a_page_that_cannot_be_rendered_is_one_of_ours_too(signed_in: Browser) -> None:
    signed_in.apps.have_registered(registeredAt="yesterday")

    response = await signed_in.get("/my")

    assert (response.status, TRACE in response.text) == (500, True)


async def test_an_address_that_is_not_ours_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch, KAKAO_LOGIN_ISSUER="http://127.0.0.1:9200", PUBLIC_BASE_URL="http://localhost:8080")
    monkeypatch.delenv("PUBLIC_BASE_URL")
    settings.cache_clear()

    response = await browser.get("/", x_forwarded_host="evil.example", x_forwarded_proto="https")

    assert response.status == 421
    assert response.cookies == []


FORMS = ["/my/registration", "/my/registration/edit", CANCEL]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", ["2204417385", "1", "nobody-in-particular"])
async def test_a_form_that_somebody_else_opened_in_this_browser_is_not_sent(
    signed_in: Browser, form: str, other: str
) -> None:
    apps = signed_in.apps
    if form != "/my/registration":
        apps.have_registered()
    filled = (await signed_in.get(form)).html.inputs()
    signed_in.signed_in(other)

    response = await signed_in.post(form, {**filled, "customerName": "김현"})

    assert (response.status, "로그인이 바뀌었습니다" in response.text) == (409, True)
    assert "김현" not in response.text
    assert apps.changing() == []


@pytest.mark.parametrize("mark", ["", "0" * MARK_LENGTH, "é", "\0"])
async def test_a_form_with_another_mark_or_none_is_not_sent(signed_in: Browser, mark: str) -> None:
    signed_in.apps.have_registered()

    assert (await signed_in.post(CANCEL, {"mark": mark})).status == 409
    assert signed_in.apps.calls == []


@pytest.mark.parametrize("form", FORMS)
async def test_who_signs_in_again_can_still_send_what_they_have_filled_in(signed_in: Browser, form: str) -> None:
    if form != "/my/registration":
        signed_in.apps.have_registered()
    filled = (await signed_in.get(form)).html.inputs()
    signed_in.cookies.clear()
    signed_in.signed_in()

    assert (await signed_in.post(form, filled)).status != 409


async def test_the_mark_of_a_form_does_not_say_who_it_is(signed_in: Browser) -> None:
    assert SUBJECT not in (await signed_in.get("/my/registration")).text
    assert len({signed_in.signed_in(subject).mark for subject in (SUBJECT, "2", "3")}) == 3
