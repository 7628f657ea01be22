"""Signing in with Kakao, as far as somebody sees it, and what they see when it fails."""

from local_azure.stack import Stack
from tests.browser.marks import BROWSER
from tools.browser.outages import faulty_kakao_login
from tools.browser.visitor import Visitor
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)


async def test_whoever_cancels_at_kakao_is_back_at_the_start(visitor: Visitor) -> None:
    await visitor.open("/")
    await visitor.press(visitor.link("/login"))

    response = await visitor.press(visitor.page.locator("[name=cancel]"))

    assert (visitor.path, response.status) == ("/", 200)
    assert not await visitor.context.cookies(visitor.origin)


async def test_while_kakao_is_down_the_page_says_so(visitor: Visitor, stack: Stack) -> None:
    await visitor.open("/login")
    async with faulty_kakao_login(calls=["token"], status=503)(stack):
        response = await visitor.choose_person()

        assert response.status == 503
        assert await visitor.heading() == say("errors.sign-in-unavailable.title")
        assert int((await response.all_headers())["retry-after"]) > 0


async def test_an_answer_that_belongs_to_no_attempt_signs_nobody_in(visitor: Visitor) -> None:
    await visitor.open("/login")

    response = await visitor.open("/login/callback?code=any&state=of-somebody-else")

    assert response.status == 400
    assert await visitor.heading() == say("errors.sign-in.title")
    assert not await visitor.context.cookies(visitor.origin)


async def test_a_token_that_kakao_did_not_sign_signs_nobody_in(visitor: Visitor, stack: Stack) -> None:
    await visitor.open("/login")
    async with faulty_kakao_login(idToken="forged")(stack):
        response = await visitor.choose_person()

    assert response.status == 400
    assert await visitor.heading() == say("errors.sign-in.title")
    assert not await visitor.context.cookies(visitor.origin)


async def test_going_back_to_where_one_came_from_after_signing_in_harms_nothing(visitor: Visitor) -> None:
    await visitor.sign_in()

    response = await visitor.open("/login")

    assert (visitor.path, response.status) == ("/my", 200)
