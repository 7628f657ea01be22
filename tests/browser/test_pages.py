"""Every page, in every state: nothing that axe finds, readable narrow and enlarged, big enough to touch."""

import pytest

from local_azure.stack import Stack
from tests.browser.checks import layout_complaints, structure_complaints, violations
from tests.browser.marks import BROWSER, Arrive
from tools.browser.scenes import SCENES, Scene
from tools.browser.visitor import Equipment

pytestmark = BROWSER


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
async def test_everybody_can_read_and_use_the_page(arrive: Arrive, stack: Stack, scene: Scene) -> None:
    statuses: dict[str, int] = {}
    async with arrive(Equipment()) as visitor:
        visitor.page.on("response", lambda response: statuses.update({response.url: response.status}))
        async with scene.played(visitor, stack):
            assert statuses[visitor.page.url] == scene.status
            assert await violations(visitor.page) == []
            assert await structure_complaints(visitor.page) == []
            assert await layout_complaints(visitor.page) == []


@pytest.mark.parametrize("name", ["start", "register-wrong", "my-registered", "operators-customer"])
async def test_english_pages_are_as_readable(arrive: Arrive, stack: Stack, name: str) -> None:
    [scene] = [scene for scene in SCENES if scene.name == name]
    async with arrive(Equipment(locale="en-US")) as visitor:
        await scene.show(visitor)

        assert await visitor.page.locator("html").get_attribute("lang") == "en"
        assert await violations(visitor.page) == []
        assert await layout_complaints(visitor.page) == []
