from collections.abc import Iterator

import pytest

from tools.play.emulators import Emulators
from tools.play.system import SETTINGS_FILE


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Each process of a parallel run has its own."""
    with Emulators.running(SETTINGS_FILE, tmp_path_factory.mktemp("emulators")) as emulators:
        yield emulators
