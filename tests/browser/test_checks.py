"""The checks themselves: each notices what it is there for."""

import pytest
from playwright.async_api import Browser

from local_azure.stack import Stack
from tests.browser.checks import layout_complaints, violations
from tests.browser.marks import BROWSER
from tests.browser.watch import Watch
from tools.browser.visitor import Equipment, Visitor

pytestmark = BROWSER


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.info('anything')", "console: anything"),
        ("setTimeout(() => { throw new Error('broken') })", "script: broken"),
        ("fetch('https://elsewhere.example/').catch(() => {})", "console: "),
        ("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/'}))", "console: "),
        ("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">')", "console: "),
        ("location = 'https://elsewhere.example/'", "left this machine: https://elsewhere.example/"),
        ("fetch('http://127.0.0.1:1/').catch(() => {})", "console: "),
    ],
)
async def test_a_visit_that_is_not_silent_is_noticed(
    browser: Browser, stack: Stack, script: str, complaint: str
) -> None:
    origin = stack.url("gateway")
    async with Visitor.arriving(browser, origin, Equipment()) as visitor:
        watch = Watch(visitor.context, origin)
        await visitor.open("/")
        assert await watch.complaints() == []

        await visitor.page.evaluate(f"() => {{ {script} }}")
        await visitor.page.wait_for_timeout(500)

        assert any(each.startswith(complaint) for each in await watch.complaints())


async def test_an_answer_without_the_headers_of_a_page_is_noticed(browser: Browser, stack: Stack) -> None:
    origin = stack.url("gateway")
    async with Visitor.arriving(browser, origin, Equipment()) as visitor:
        watch = Watch(visitor.context, origin)

        await visitor.open("/openapi.json")

        assert any("content-security-policy: None" in each for each in await watch.complaints())


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("main.append(new Image())", "image-alt"),
        ("main.append(Object.assign(document.createElement('input'), {type: 'text'}))", "label"),
        ("main.querySelector('p').style.color = '#aaa'", "color-contrast"),
    ],
)
async def test_what_axe_knows_is_noticed(browser: Browser, stack: Stack, script: str, complaint: str) -> None:
    async with Visitor.arriving(browser, stack.url("gateway"), Equipment()) as visitor:
        await visitor.open("/")

        await visitor.page.evaluate(f"() => {{ const main = document.querySelector('main'); {script} }}")

        assert any(each.startswith(f"{complaint}:") for each in await violations(visitor.page))


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("p.style.width = '25rem'", "320 pixels: "),
        ("p.style.width = '45rem'; p.style.maxWidth = 'none'", "200 %: "),
        ("p.style.width = '14rem'", "text at 200 %: "),
        ("p.style.height = p.offsetHeight + 'px'; p.style.overflow = 'hidden'", "spaced: cut off: "),
        (
            "const a = document.querySelector('main a'); a.style.cssText = 'min-height: 0; padding: 0; font-size: 9px'",
            "too small: ",
        ),
    ],
)
async def test_a_page_that_does_not_fit_is_noticed(browser: Browser, stack: Stack, script: str, complaint: str) -> None:
    async with Visitor.arriving(browser, stack.url("gateway"), Equipment()) as visitor:
        await visitor.open("/")

        await visitor.page.evaluate(f"() => {{ const p = document.querySelector('main p'); {script} }}")

        assert any(each.startswith(complaint) for each in await layout_complaints(visitor.page))
