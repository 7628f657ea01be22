"""What a page says before a session ends, and when it has: by the clock of the browser, which the tests turn."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Request, expect

from local_azure.stack import Stack
from shared.domain.identifiers import utc_now
from tests.browser.marks import BROWSER, Arrive
from tests.browser.test_keyboard import press_enter, tab_to
from tools import sessions
from tools.access.session_keys import AUDIENCE, ISSUER, SIGNING
from tools.browser.outages import without
from tools.browser.visitor import DETAILS, Equipment, Visitor, newcomer
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)
FORM = "/my/registration"
# Milliseconds. It does so every ten seconds.
ASKS_AGAIN_WITHIN = 60_000


@pytest.fixture
def number() -> str:
    """Of somebody at Kakao."""
    return newcomer()


@pytest_asyncio.fixture(loop_scope="session")
async def customer(arrive: Arrive, number: str) -> AsyncIterator[Visitor]:
    """Somebody who has signed in, with scripts and a clock that a test can turn."""
    async with arrive() as visitor:
        await visitor.context.clock.install()
        await visitor.sign_in(number)
        yield visitor


def notice(visitor: Visitor) -> Locator:
    return visitor.page.locator(".session[role=status]")


async def wait(visitor: Visitor, minutes: int) -> None:
    """As if nobody had touched anything for so long."""
    await visitor.context.clock.fast_forward(minutes * 60_000)


async def test_five_minutes_before_it_ends_the_page_says_so_and_leaves_the_focus_where_it_is(customer: Visitor) -> None:
    await customer.open(FORM)
    await customer.field("customerName").fill("김싹")
    await wait(customer, 54)
    await expect(notice(customer)).to_be_empty()

    await wait(customer, 2)

    await expect(notice(customer)).to_contain_text(say("session.ends"))
    await expect(customer.field("customerName")).to_be_focused()


async def test_one_press_prolongs_it_and_what_was_typed_stays(customer: Visitor) -> None:
    await customer.open(FORM)
    await customer.fill_in()
    await customer.field("customerAge").focus()
    await wait(customer, 56)

    async with customer.page.expect_response(f"{customer.origin}/") as asking:
        await notice(customer).locator("button").click()

    assert int((await (await asking.value).all_headers())["session-seconds"]) > 3000
    await expect(notice(customer)).to_have_text(say("session.prolonged"))
    await expect(customer.field("customerAge")).to_be_focused()
    assert await customer.field("customerName").input_value() == DETAILS["customerName"]
    await wait(customer, 1)
    await expect(notice(customer)).to_be_empty()
    await wait(customer, 55)
    await expect(notice(customer)).to_contain_text(say("session.ends"))


async def test_it_can_be_prolonged_without_a_mouse(customer: Visitor) -> None:
    await customer.open(FORM)
    await wait(customer, 56)

    await tab_to(customer, ".session button")
    await customer.page.keyboard.press("Enter")

    await expect(notice(customer)).to_have_text(say("session.prolonged"))
    await expect(customer.page.locator("main")).to_be_focused()
    assert await tab_to(customer, "[name=customerName]") == ["customerName"]


async def test_what_has_the_focus_is_not_behind_the_message(customer: Visitor) -> None:
    await customer.open(FORM)
    await wait(customer, 56)
    await tab_to(customer, "main form button")
    bar = await notice(customer).bounding_box()
    assert bar
    assert bar["y"] == 0, "it stays at the top of the window"

    for _ in range(7):
        await customer.page.keyboard.press("Shift+Tab")
        focused = await customer.page.locator(":focus").bounding_box()
        assert focused
        assert focused["y"] >= bar["height"]


async def test_typing_prolongs_it_too(customer: Visitor) -> None:
    await customer.open(FORM)
    await wait(customer, 56)
    await expect(notice(customer)).to_contain_text(say("session.ends"))

    await customer.field("customerName").press_sequentially("a")

    await expect(notice(customer)).to_be_empty()


async def test_prolonging_it_in_one_window_counts_in_every_other(customer: Visitor) -> None:
    await customer.open(FORM)
    other = Visitor(await customer.context.new_page(), customer.origin)
    await other.open("/my")
    await wait(customer, 56)
    for each in (customer, other):
        await expect(notice(each)).to_contain_text(say("session.ends"))

    await notice(other).locator("button").click()

    await expect(notice(customer)).to_be_empty()


@pytest.mark.parametrize("is_same", [True, False], ids=["the same person", "somebody else"])
async def test_after_the_end_what_was_typed_can_still_be_sent_once_the_same_person_has_signed_in_elsewhere(
    customer: Visitor, number: str, is_same: bool
) -> None:
    await customer.open(FORM)
    await customer.fill_in()
    await wait(customer, 61)
    await customer.context.clear_cookies()
    await expect(notice(customer)).to_contain_text(say("session.ended-form"))
    assert await customer.field("customerName").input_value() == DETAILS["customerName"]

    async with customer.context.expect_page() as opening:
        await notice(customer).locator("a").click()
    other = Visitor(await opening.value, customer.origin)
    await other.choose_person(number if is_same else newcomer())
    assert other.path == "/my"

    await expect(notice(customer)).to_be_empty()
    sent = await customer.press(customer.submit)
    assert (sent.status, customer.path) == ((200, "/my?done=registered") if is_same else (409, FORM))


@pytest.mark.parametrize("path", ["/my", "/my/registration/cancel"])
async def test_after_the_end_nothing_personal_is_left_on_the_page(customer: Visitor, path: str) -> None:
    await customer.register()
    await customer.open(path)
    assert DETAILS["customerName"] in await customer.text()

    await wait(customer, 61)

    await expect(notice(customer)).to_contain_text(say("session.ended"))
    shown = await customer.page.locator("body").inner_html()
    for value in DETAILS.values():
        assert value not in shown
    assert await customer.page.locator("h1").count() == 1
    await customer.context.clear_cookies()
    await press_enter(customer, ".session a")
    await customer.choose_person()
    assert customer.path == "/my"


async def test_whoever_presses_too_late_is_told_that_it_has_ended(customer: Visitor) -> None:
    await customer.open(FORM)
    await wait(customer, 56)
    await customer.context.clear_cookies()

    await notice(customer).locator("button").click()

    await expect(notice(customer)).to_contain_text(say("session.ended-form"))


async def test_while_nothing_can_be_reached_the_button_stays(browser: Browser, stack: Stack) -> None:
    # Nobody watches: the browser reports that it reaches nothing.
    async with Visitor.arriving(browser, stack.url("gateway"), Equipment()) as visitor:
        await visitor.context.clock.install()
        await visitor.sign_in()
        await visitor.open(FORM)
        await wait(visitor, 56)
        await visitor.context.set_offline(offline=True)
        async with visitor.page.expect_event("requestfailed"):
            await notice(visitor).locator("button").click()
        await visitor.context.set_offline(offline=False)

        await expect(notice(visitor)).to_contain_text(say("session.ends"))
        await notice(visitor).locator("button").click()
        await expect(notice(visitor)).to_have_text(say("session.prolonged"))


async def test_twelve_hours_after_signing_in_nothing_is_offered_that_is_not_possible(
    arrive: Arrive, stack: Stack
) -> None:
    assert stack.settings
    issuer = sessions.issuer_with(stack.settings.parent / SIGNING, ISSUER, AUDIENCE)
    now = utc_now()
    token = issuer.token(newcomer(), now - timedelta(hours=11, minutes=50), now + timedelta(minutes=10))
    async with arrive() as visitor:
        await visitor.context.clock.install()
        await visitor.context.add_cookies([{"name": "session", "value": token, "url": visitor.origin}])
        await visitor.open(FORM)
        await expect(notice(visitor)).to_be_empty()

        await wait(visitor, 6)

        await expect(notice(visitor)).to_have_text(say("session.last"))
        await expect(notice(visitor).locator("button")).to_have_count(0)


async def test_without_scripts_nothing_of_this_is_seen(arrive: Arrive) -> None:
    async with arrive(Equipment(script=False)) as visitor:
        await visitor.sign_in()
        await visitor.open(FORM)

        assert say("session.ends") not in await visitor.page.locator("body").inner_text()
        assert say("form.time") in await visitor.text()


async def test_a_page_that_waits_asks_again_as_nobody_so_that_it_does_not_prolong_the_session(
    arrive: Arrive, number: str, stack: Stack
) -> None:
    # By the real clock: turning it counts as something that a person does.
    async with arrive() as visitor, without("kakao")(stack):
        await visitor.sign_in(number)
        await visitor.register()
        await visitor.press(visitor.page.locator("[name=postpone]"))

        is_page = Request.is_navigation_request
        async with visitor.page.expect_request(is_page, timeout=ASKS_AGAIN_WITHIN) as asked_again:
            pass
        headers = await (await asked_again.value).all_headers()

    assert headers["sec-fetch-mode"] == "navigate"
    assert "sec-fetch-user" not in headers
