"""Takes a picture of every page in every state, as a telephone and as a wide window show it, in Korean.

They go to dist/screenshots, which git ignores. With --readme only the three that README shows are taken, for it.
Starts a stack of its own, on free ports. Exit code 0: done; 1: there is no browser, or the stack does not start.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page

from local_azure.stack import Stack, StackError
from tools.access.session_keys import SessionKeys
from tools.browser.chromium import NoBrowserError, started_browser
from tools.browser.scenes import SCENES, Scene
from tools.browser.visitor import DESKTOP, PHONE, Equipment, Visitor
from tools.command_line import parser, show, show_error
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT

ALL: Final = ROOT / "dist/screenshots"
IN_README: Final = ROOT / "docs/pictures"
BEST: Final = ("start", "register", "my-registered")
SIZES: Final = {"narrow": PHONE, "wide": DESKTOP}
# Milliseconds. The privacy policy is 10,000 pixels long, which a busy machine draws slowly.
LONGEST: Final = 60_000


async def take_pictures(stack: Stack, browser: Browser, folder: Path, scenes: Iterable[Scene] = SCENES) -> None:
    """Of the whole length of each page: `NAME-narrow.png` and `NAME-wide.png`."""
    for scene in scenes:
        for name, size in SIZES.items():
            async with _shown(stack, browser, scene, Equipment(size=size)) as page:
                await page.screenshot(path=folder / f"{scene.name}-{name}.png", full_page=True, timeout=LONGEST)
        show(scene.name)


async def take_for_readme(stack: Stack, browser: Browser, folder: Path) -> None:
    """What a telephone shows at first: `my-page-NAME.png`."""
    for scene in SCENES:
        if scene.name in BEST:
            async with _shown(stack, browser, scene, Equipment()) as page:
                await page.screenshot(path=folder / f"my-page-{scene.name}.png", timeout=LONGEST)


@asynccontextmanager
async def _shown(stack: Stack, browser: Browser, scene: Scene, equipment: Equipment) -> AsyncIterator[Page]:
    arriving = Visitor.arriving(browser, stack.url("gateway"), equipment)
    async with arriving as visitor, scene.played(visitor, stack):
        yield visitor.page


async def _run(*, for_readme: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys = SessionKeys.made_in(Path(folder, "access"))
        async with (
            started_browser() as browser,
            Stack.start(LOCAL_AZURE_SETTINGS, Path(folder, "stack"), settings=keys.settings) as stack,
        ):
            if for_readme:
                await take_for_readme(stack, browser, IN_README)
            else:
                await take_pictures(stack, browser, ALL)


def main(arguments: list[str] | None = None) -> int:
    """Takes them, and returns the exit code."""
    options = parser("tools.browser.screenshots", __doc__)
    options.add_argument("--readme", action="store_true", help="take the three of README instead")
    chosen = options.parse_args(arguments)
    try:
        asyncio.run(_run(for_readme=chosen.readme))
    except (NoBrowserError, StackError) as error:
        show_error(str(error))
        return 1
    show(f"They are in {(IN_README if chosen.readme else ALL).relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
