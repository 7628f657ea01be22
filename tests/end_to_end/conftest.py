from collections.abc import AsyncIterator, Iterator

import pytest

from local_azure.stack import Stack
from tools.access.session_keys import SessionKeys
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.people import CustomersSystem

BREAKER_RESET_SECONDS = "1"  # instead of ten, so that the test after an outage need not wait
KAKAO_TIMEOUT_SECONDS = "2"  # instead of six, for the tests with a kakao that hangs
SHARED_STACKS = ("customers_stack", "open_stack")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a stack that few need run in one process, so that it is started once."""
    for item in items:
        for name in SHARED_STACKS:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack on free ports; each process of a parallel run has its own."""
    with pytest.MonkeyPatch.context() as environment:
        # The apps inherit it.
        environment.setenv("KAKAO_BREAKER_RESET_SECONDS", BREAKER_RESET_SECONDS)
        environment.setenv("KAKAO_TIMEOUT_SECONDS", KAKAO_TIMEOUT_SECONDS)
        with Stack.start(LOCAL_AZURE_SETTINGS, tmp_path_factory.mktemp("stack")) as stack:
            yield stack


@pytest.fixture(scope="session")
def customers_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack with ACCESS=customers."""
    folder = tmp_path_factory.mktemp("customers")
    keys = SessionKeys.made_in(folder / "access")
    with Stack.start(LOCAL_AZURE_SETTINGS, folder / "stack", settings=keys.settings) as stack:
        yield stack


@pytest.fixture(scope="session")
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack as `make run` starts it: everybody may call, people may sign in, and my page is there."""
    folder = tmp_path_factory.mktemp("open")
    keys = SessionKeys.made_in(folder / "access", "open")
    with Stack.start(LOCAL_AZURE_SETTINGS, folder / "stack", settings=keys.settings) as stack:
        yield stack


@pytest.fixture
async def open_system(open_stack: Stack) -> AsyncIterator[CustomersSystem]:
    """`open_system.call(…)`: of anybody; `open_system.customer("1").call(…)`: of a customer who has signed in."""
    async with CustomersSystem.of(open_stack) as system:
        yield system


@pytest.fixture
async def customers_system(customers_stack: Stack) -> AsyncIterator[CustomersSystem]:
    """`customers_system.customer("1").call(…)`: each customer is somebody else, so use numbers of your own."""
    async with CustomersSystem.of(customers_stack) as system:
        yield system


@pytest.fixture
async def system(stack: Stack) -> AsyncIterator[LocalSystem]:
    async with LocalSystem.of(stack) as system:
        yield system
