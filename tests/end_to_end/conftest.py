from collections.abc import AsyncIterator, Iterator

import pytest

from local_azure.stack import Stack
from tests.end_to_end.house import House
from tools.play.system import SETTINGS_FILE

BREAKER_RESET_SECONDS = "1"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole system on free ports; each process of a parallel run has its own."""
    with pytest.MonkeyPatch.context() as environment:
        # The apps inherit it: after kakao was down, the next test need not wait for ten seconds.
        environment.setenv("KAKAO_BREAKER_RESET_SECONDS", BREAKER_RESET_SECONDS)
        with Stack.start(SETTINGS_FILE, tmp_path_factory.mktemp("stack")) as stack:
            yield stack


@pytest.fixture
async def house(stack: Stack) -> AsyncIterator[House]:
    async with House.of(stack) as house:
        yield house
