"""What every module of these tests has: one worker runs them all, with one event loop, in which the browser lives."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tools.browser.visitor import Visitor

BROWSER = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(480)]

type Arrive = Callable[..., AbstractAsyncContextManager[Visitor]]
"""The fixture `arrive`: takes an Equipment, or none for that of everybody."""
