"""One stack and one browser for all of these tests; each test has a visitor of its own, without any history."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from local_azure.stack import Stack
from tests.browser.marks import Arrive
from tests.browser.watch import Watch
from tools.access.session_keys import SessionKeys
from tools.browser.chromium import MISSING, executable, started_browser
from tools.browser.visitor import Equipment, Visitor
from tools.paths import LOCAL_AZURE_SETTINGS

# Instead of ten seconds, so that the test after an outage need not wait.
ENVIRONMENT = {
    "KAKAO_BREAKER_RESET_SECONDS": "1",
    "KAKAO_TIMEOUT_SECONDS": "2",
    "KAKAO_LOGIN_BREAKER_RESET_SECONDS": "1",
}


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack with my page and the stand-ins."""
    folder = tmp_path_factory.mktemp("my-page")
    keys = SessionKeys.made_in(folder / "access")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)  # the apps inherit it
        with Stack.start(LOCAL_AZURE_SETTINGS, folder / "stack", settings=keys.settings) as stack:
            yield stack


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if executable() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
    async with started_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(browser: Browser, stack: Stack) -> AsyncIterator[Arrive]:
    """`async with arrive(Equipment(…)) as visitor:`. Whatever the browser complained of fails the test at its end."""
    origin = stack.url("gateway")

    @asynccontextmanager
    async def arriving(equipment: Equipment | None = None) -> AsyncIterator[Visitor]:
        async with Visitor.arriving(browser, origin, equipment or Equipment()) as visitor:
            watch = Watch(visitor.context, origin)
            yield visitor
            complaints = await watch.complaints()
        assert not complaints, "\n".join(complaints)

    yield arriving


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(arrive: Arrive, script: bool) -> AsyncIterator[Visitor]:
    """Somebody with a telephone, with and without scripts."""
    async with AsyncExitStack() as open_ones:
        yield await open_ones.enter_async_context(arrive(Equipment(script=script)))
