"""A browser, with the other apps in memory."""

from collections.abc import Iterator

import pytest

from shared.settings import settings
from tests.unit.web.browser import Browser


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    yield Browser(monkeypatch)
    settings.cache_clear()


@pytest.fixture
def signed_in(browser: Browser) -> Browser:
    """A browser whose customer has signed in, and has no registration."""
    return browser.signed_in()
