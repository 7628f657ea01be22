"""The pages for everybody."""

import pytest

from tests.browser.marks import BROWSER, Arrive
from tools.browser.visitor import Equipment, Visitor
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER


async def test_the_first_page_says_what_this_is_and_how_to_begin(visitor: Visitor) -> None:
    response = await visitor.open("/")

    assert response.status == 200
    assert await visitor.heading() == words(Language.KOREAN)("start.title")
    assert (await visitor.link("/login").inner_text()).strip() == words(Language.KOREAN)("start.sign-in")


async def test_the_privacy_policy_is_two_clicks_from_anywhere(visitor: Visitor) -> None:
    await visitor.open("/")

    response = await visitor.press(visitor.page.locator("footer a"))

    assert response.status == 200
    assert "개인정보" in await visitor.heading()


@pytest.mark.parametrize(("locale", "language"), [("ko-KR", Language.KOREAN), ("en-US", Language.ENGLISH)])
async def test_a_page_is_written_in_the_language_of_the_browser(
    arrive: Arrive, locale: str, language: Language
) -> None:
    async with arrive(Equipment(locale=locale)) as visitor:
        await visitor.open("/")

        assert await visitor.heading() == words(language)("start.title")
        assert await visitor.page.locator("html").get_attribute("lang") == language.value


async def test_a_path_that_does_not_exist_is_a_page_in_words(visitor: Visitor) -> None:
    response = await visitor.open("/nothing-here")

    assert response.status == 404
    assert await visitor.heading() == words(Language.KOREAN)("errors.not-found.title")
