"""Chromium as this machine has it, driven by Playwright. Nothing is ever downloaded."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

# Chrome first: Ubuntu lets it have a sandbox, but not a Chromium that was unpacked, as on GitHub's machines.
NAMES: Final = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser")
MISSING: Final = "no Chromium on this machine: CONTRIBUTING.md says how to get one"
# Whatever a page names, no other machine is looked up.
ONLY_THIS_MACHINE: Final = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
START_MILLISECONDS: Final = 60_000


class NoBrowserError(Exception):
    """There is no Chromium."""


def executable() -> str | None:
    """The path of the browser, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def started_browser() -> AsyncIterator[Browser]:
    """Starts the browser, without a window. Raises NoBrowserError."""
    if (path := executable()) is None:
        raise NoBrowserError(MISSING)
    # Chromium refuses to run its sandbox for root, as whom containers run.
    arguments = [ONLY_THIS_MACHINE, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments, timeout=START_MILLISECONDS)
        try:
            yield browser
        finally:
            await browser.close()
