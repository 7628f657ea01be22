from collections.abc import Iterator

import pytest

from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.emulators import Emulators


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Each process of a parallel run has its own."""
    with Emulators.running(LOCAL_AZURE_SETTINGS, tmp_path_factory.mktemp("emulators")) as emulators:
        yield emulators
