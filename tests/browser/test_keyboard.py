"""Everything can be done without a mouse, and one always sees where one is."""

from typing import Final

from playwright.async_api import expect

from tests.browser.marks import BROWSER
from tools.browser.visitor import DETAILS, Visitor, newcomer
from web.rendering import words
from web.visit import Language

pytestmark = BROWSER

say = words(Language.KOREAN)
# More than any page has; the next press would leave it.
MOST_STOPS: Final = 40
# Pixels of the outline: WCAG 2.2, 2.4.13 asks for two.
THICKNESS: Final = 2

# Of the element that has the focus: what it is, whether it is in the window, and its outline.
FOCUSED: Final = """
each => {
  const {top, left, bottom, right} = each.getBoundingClientRect();
  const {outlineStyle, outlineWidth} = getComputedStyle(each);
  const isInWindow = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  return {name: each.name || each.className || each.getAttribute('href') || each.tagName, isInWindow,
    outline: outlineStyle === 'none' ? 0 : parseFloat(outlineWidth)};
}
"""


async def tab_to(visitor: Visitor, selector: str) -> list[str]:
    """Presses Tab until the element has the focus; returns where it was on the way. Each stop has to be seen."""
    stops: list[str] = []
    for _ in range(MOST_STOPS):
        await visitor.page.keyboard.press("Tab")
        focused = await visitor.page.locator(":focus").evaluate(FOCUSED)
        assert focused["isInWindow"], focused
        assert focused["outline"] >= THICKNESS, focused
        stops.append(focused["name"])
        if await visitor.page.locator(f"{selector}:focus").count():
            return stops
    raise AssertionError(f"{selector} is not reached, but {stops}")


async def press_enter(visitor: Visitor, selector: str) -> None:
    """Goes to a link or button with Tab, and follows it."""
    await tab_to(visitor, selector)
    await visitor.press(visitor.page.locator(f"{selector}:focus"), "Enter")


async def test_tab_first_offers_to_skip_to_the_content(visitor: Visitor) -> None:
    await visitor.sign_in()

    await tab_to(visitor, ".skip")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Tab")

    await expect(visitor.link("/my/registration")).to_be_focused()


async def test_tab_goes_through_the_form_in_the_order_in_which_it_is_read(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")

    stops = await tab_to(visitor, "main form button")

    fields = [*DETAILS, "consent", "oldEnough"]
    assert [stop for stop in stops if stop in fields] == fields
    assert stops[0] == "skip"


async def test_somebody_registers_and_cancels_without_a_mouse(visitor: Visitor) -> None:
    keyboard = visitor.page.keyboard
    await visitor.open("/")
    await press_enter(visitor, "[href='/login']")
    await tab_to(visitor, "[name=number]")
    await keyboard.type(newcomer())
    await press_enter(visitor, "button:not([name])")
    await press_enter(visitor, "main [href='/my/registration']")
    for name, value in DETAILS.items():
        await tab_to(visitor, f"[name={name}]")
        await keyboard.type(value)
    for name in ("consent", "oldEnough"):
        await tab_to(visitor, f"[name={name}]")
        await keyboard.press("Space")
    await press_enter(visitor, "main form button")
    assert say("done.registered.title") in await visitor.text()

    await press_enter(visitor, "main [href='/my/registration/cancel']")
    await press_enter(visitor, "main form button")
    assert say("done.canceled.title") in await visitor.text()

    await press_enter(visitor, "[action='/logout'] button")
    assert visitor.path == "/?done=signed-out"


async def test_enter_in_a_field_sends_the_form_and_never_books(visitor: Visitor) -> None:
    await visitor.sign_in()
    await visitor.open("/my/registration")
    await visitor.fill_in()

    await visitor.press(visitor.field("customerName"), "Enter")

    assert visitor.path == "/my?done=registered"
