"""What is wrong with a page, whatever it is about: a line for each thing. Empty if nothing is."""

import json
from importlib.resources import files
from typing import Any, Final

from playwright.async_api import Page, ViewportSize

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# WCAG 2.2, 1.4.10: 1280 pixels at 400 %.
NARROWEST: Final = ViewportSize(width=320, height=640)
# What a window of 1280 pixels shows at 200 %.
ENLARGED: Final = ViewportSize(width=640, height=450)
# WCAG 2.2, 1.4.12.
SPACED: Final = (
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } "
    "p { margin-bottom: 2em !important }"
)
# WCAG 2.2, 1.4.4.
DOUBLED: Final = "html { font-size: 200% !important }"

# Style sheets that a script makes are not blocked by the page's Content-Security-Policy.
RESTYLE: Final = (
    "css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [sheet] }"
)
TOO_WIDE: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT_OFF: Final = """
[...document.querySelectorAll('body *')].filter(each => {
  const style = getComputedStyle(each);
  if (style.display === 'inline' || each.matches('input, svg, svg *')) return false;
  const isWide = each.scrollWidth > each.clientWidth + 1 && style.overflowX !== 'auto';
  const isHigh = each.scrollHeight > each.clientHeight + 4 && style.overflowY !== 'visible';
  return isWide || isHigh;
}).map(each => each.outerHTML.slice(0, 80))
"""
# WCAG 2.2, 2.5.8, without its exceptions, of which links in a sentence are one.
TOO_SMALL: Final = """
[...document.querySelectorAll('a[href], button, input:not([type=hidden])')].filter(each => {
  const {width, height} = each.getBoundingClientRect();
  const isInSentence = each.matches('p a, li a, dd a') && getComputedStyle(each).display === 'inline';
  return !isInSentence && !each.matches('.skip') && (width < 24 || height < 24);
}).map(each => each.outerHTML.slice(0, 80))
"""


# WCAG 2.2, 2.4.4 and 2.4.9: whoever hears only the links cannot tell these apart.
SAME_TEXT: Final = """
[...document.querySelectorAll('a[href]')].filter((each, index, all) =>
  all.some(other => other.innerText.trim() === each.innerText.trim() && other.href !== each.href)
).map(each => each.outerHTML.slice(0, 120))
"""


async def violations(page: Page) -> list[str]:
    """What axe finds, a line each."""
    await page.evaluate(AXE)
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found: dict[str, Any] = await page.evaluate(f"axe.run({options})")
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]
    ]


async def structure_complaints(page: Page) -> list[str]:
    """What axe leaves to us: one heading of the first level, a title that says it too, and what comes first."""
    complaints: list[str] = []
    headings = await page.locator("h1").all_inner_texts()
    title = await page.title()
    if len(headings) != 1:
        complaints.append(f"headings of the first level: {headings}")
    if not title.endswith(" – 싹8"):
        complaints.append(f"title: {title}")
    if await page.locator(".summary").count() and not title.startswith("오류"):
        complaints.append(f"the title does not say that something is wrong: {title}")
    if await page.locator(".summary").count() and not await page.locator(".summary:focus").count():
        complaints.append("the focus is not where it says what is wrong")
    complaints += [f"a link like another, which leads elsewhere: {each}" for each in await page.evaluate(SAME_TEXT)]
    return complaints


async def layout_complaints(page: Page) -> list[str]:
    """At the sizes and spacings that somebody may need."""
    whole = page.viewport_size or NARROWEST
    complaints = [f"too small: {each}" for each in await page.evaluate(TOO_SMALL)]
    for name, size, css in (
        ("320 pixels", NARROWEST, ""),
        ("200 %", ENLARGED, ""),
        ("text at 200 %", whole, DOUBLED),
        ("spaced", whole, SPACED),
        ("spaced, 320 pixels", NARROWEST, SPACED),
    ):
        await page.set_viewport_size(size)
        await page.evaluate(RESTYLE, css)
        if (pixels := await page.evaluate(TOO_WIDE)) > 0:
            complaints.append(f"{name}: {pixels} pixels too wide")
        complaints += [f"{name}: cut off: {each}" for each in await page.evaluate(CUT_OFF)]
    await page.set_viewport_size(whole)
    await page.evaluate(RESTYLE, "")
    return complaints
