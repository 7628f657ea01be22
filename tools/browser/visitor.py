"""Somebody who visits my page with a browser, and does there what people do.

Elements are found by what the server reads: names of fields, addresses of links and forms. What people read may change.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from playwright.async_api import Browser, BrowserContext, Locator, Page, Response, ViewportSize

PHONE: Final = (390, 844)
DESKTOP: Final = (1280, 900)
# As long as the slowest page may take: a call to another app ends after ten seconds.
MILLISECONDS: Final = 6_000

DETAILS: Final[Mapping[str, str]] = {
    "customerName": "김싹",
    "customerPhone": "010-1234-5678",
    "customerAge": "34",
    "roadAddress": "인천광역시 남동구 예시로 8",
    "detailAddress": "101동 1203호",
}
"""What a customer writes into the form."""


@dataclass(frozen=True)
class Equipment:
    """How somebody visits. `script`: whether scripts run. `size`: of the window, in CSS pixels."""

    script: bool = True
    locale: str = "ko-KR"
    size: tuple[int, int] = PHONE


class Visitor:
    """A browser with no history and no cookies, on one page. `origin`: of my page, without a slash at the end."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin

    @classmethod
    @asynccontextmanager
    async def arriving(cls, browser: Browser, origin: str, equipment: Equipment) -> AsyncIterator[Self]:
        """With a browser of their own, which is closed at the end."""
        width, height = equipment.size
        context = await browser.new_context(
            java_script_enabled=equipment.script,
            locale=equipment.locale,
            timezone_id="Asia/Seoul",
            viewport=ViewportSize(width=width, height=height),
        )
        context.set_default_timeout(MILLISECONDS)
        try:
            yield cls(await context.new_page(), origin)
        finally:
            await context.close()

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def path(self) -> str:
        """Where they are on my page, with the query; the whole address elsewhere."""
        return self.page.url.removeprefix(self.origin)

    async def open(self, path: str) -> Response:
        """Goes to a path of my page, or to an address."""
        response = await self.page.goto(path if path.startswith("http") else self.origin + path)
        return _certain(response)

    async def back(self) -> Response | None:
        """None, if the browser had kept the page itself."""
        return await self.page.go_back()

    async def press(self, element: Locator, key: str = "") -> Response:
        """Clicks a link or button, or presses a key at it; returns the page that this leads to."""
        async with self.page.expect_navigation() as navigation:
            await (element.press(key) if key else element.click())
        return _certain(await navigation.value)

    def field(self, name: str) -> Locator:
        """Of the form in the page."""
        return self.page.locator(f"main [name={name}]")

    def link(self, path: str) -> Locator:
        return self.page.locator(f'main a[href="{path}"]').first

    @property
    def submit(self) -> Locator:
        """The button that sends the form in the page."""
        return self.page.locator("main form[method=post] button").first

    async def text(self) -> str:
        """What people read in the page."""
        return await self.page.locator("main").inner_text()

    async def heading(self) -> str:
        return await self.page.locator("h1").inner_text()

    # Customers

    async def choose_person(self, number: str = "") -> Response:
        """Signs in at the stand-in for Kakao, as the person with this number there; as nobody knows it: a new one."""
        await self.page.locator("[name=number]").fill(number or newcomer())
        return await self.press(self.page.locator("button:not([name])"))

    async def sign_in(self, number: str = "") -> Response:
        """From anywhere, to my registration. `number`: of the person at Kakao; empty: somebody new."""
        await self.open("/")
        await self.press(self.link("/login"))
        return await self.choose_person(number)

    async def fill_in(self, details: Mapping[str, str] = DETAILS, *, agree: bool = True) -> None:
        """The form to register. `agree`: whether every box of it is ticked."""
        for name, value in details.items():
            await self.field(name).fill(value)
        for box in await self.page.locator("main form[method=post] input[type=checkbox]").all():
            await box.set_checked(agree)

    async def register(self, details: Mapping[str, str] = DETAILS) -> Response:
        """From anywhere, once signed in."""
        await self.open("/my/registration")
        await self.fill_in(details)
        return await self.press(self.submit)

    async def cancel(self) -> Response:
        """From anywhere, once registered."""
        await self.open("/my/registration/cancel")
        return await self.press(self.submit)

    async def sign_out(self) -> Response:
        return await self.press(self.page.locator("form[action$='/logout'] button"))

    # Operators

    async def sign_in_as_operator(self, name: str = "hana", *, with_role: bool = True) -> Response:
        """From anywhere, to the operators' page."""
        await self.open("/operators/login")
        await self.page.locator(f"[name=person][value={name}]").check()
        await self.page.locator("[name=role]").set_checked(with_role)
        return await self.press(self.page.locator("button:not([name])"))


def newcomer() -> str:
    """A number of somebody at Kakao whom nobody knows."""
    return str(secrets.randbelow(9 * 10**17) + 10**17)


def _certain(response: Response | None) -> Response:
    if response is None:
        raise TypeError("the page came without a response")
    return response
