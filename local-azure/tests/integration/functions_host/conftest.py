"""The sample app."""

from pathlib import Path

import pytest

from tests.integration.functions_host.hosts import Sample, sample_in


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return sample_in(tmp_path)
