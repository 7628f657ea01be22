"""Filling in and sending the registration form."""

from tests.unit.web.browser import Browser, Html, Response

FORM = "/my/registration"
VERSION = "2026-12-01"
TYPED = {
    "customerName": "김연",
    "customerPhone": "010-1234-5678",
    "customerAge": "20",
    "roadAddress": "인천광역시 남동구 정각로 29",
    "detailAddress": "101동",
    "consent": "yes",
    "oldEnough": "yes",
}


async def filled(browser: Browser, **changes: str | None) -> dict[str, str]:
    """What the browser sends once the form is filled in. None: left out."""
    shown = (await browser.get(FORM)).html.inputs()
    return {name: value for name, value in {**shown, **TYPED, **changes}.items() if value is not None}


async def register(browser: Browser, **changes: str | None) -> Response:
    return await browser.post(FORM, await filled(browser, **changes))


def wrong(html: Html) -> dict[str, str]:
    """What is said at each field that is wrong."""
    return {
        name.removeprefix("#").removesuffix("-error"): words.removeprefix("오류: ").strip()
        for name, words in html.words.items()
        if name.endswith("-error")
    }
