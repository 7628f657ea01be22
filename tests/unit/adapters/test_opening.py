"""Opening at the start: who waits for it, and for how long."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from shared.adapters import opening as module
from shared.adapters.opening import Opening

LONGEST_WAIT = 0.2
SLACK = 0.15


class Attempts:
    """Attempts that end when the test says so; the first `failures` of them fail."""

    def __init__(self, failures: int = 0) -> None:
        self.count = 0
        self.failures = failures
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        await self.go_on.wait()
        if self.count <= self.failures:
            raise ConnectionRefusedError("secret")


@pytest.fixture
async def opening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opening]:
    monkeypatch.setattr(module, "FIRST_WAIT_SECONDS", 0.01)
    opening = Opening("the thing", LONGEST_WAIT)
    yield opening
    await opening.close()


async def seconds_of_waiting(opening: Opening) -> float:
    before = time.monotonic()
    await opening.wait()
    return time.monotonic() - before


async def test_where_nothing_was_started_nothing_waits(opening: Opening) -> None:
    assert await seconds_of_waiting(opening) < SLACK


async def test_calls_wait_until_it_is_open(opening: Opening) -> None:
    attempts = Attempts()
    opening.start(attempts)
    waiting = [asyncio.create_task(opening.wait()) for _ in range(3)]
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in waiting)

    attempts.go_on.set()

    await asyncio.gather(*waiting)
    assert attempts.count == 1


async def test_calls_wait_no_longer_than_the_setting_says_and_later_ones_not_at_all(opening: Opening) -> None:
    attempts = Attempts()
    opening.start(attempts)

    assert LONGEST_WAIT - 0.05 < await seconds_of_waiting(opening) < LONGEST_WAIT + SLACK
    assert await seconds_of_waiting(opening) < SLACK

    # It goes on in the background.
    attempts.go_on.set()
    await asyncio.sleep(0.01)
    assert attempts.count == 1


async def test_what_fails_holds_up_nothing_and_is_tried_again(
    opening: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = Attempts(failures=2)
    attempts.go_on.set()

    opening.start(attempts)

    assert await seconds_of_waiting(opening) < SLACK
    async with asyncio.timeout(30):
        while attempts.count < 3:  # noqa: ASYNC110 - it counts in the background
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert attempts.count == 3
    assert "the thing could not be opened at the start: ConnectionRefusedError" in caplog.text
    assert "secret" not in caplog.text


async def test_an_attempt_that_hangs_is_given_up(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.02)
    attempts = Attempts()

    opening.start(attempts)

    async with asyncio.timeout(30):
        while attempts.count < 2:  # noqa: ASYNC110 - it counts in the background
            await asyncio.sleep(0.01)


async def test_it_is_started_once(opening: Opening) -> None:
    attempts = Attempts()
    attempts.go_on.set()

    opening.start(attempts)
    opening.start(attempts)
    await opening.wait()

    assert attempts.count == 1


async def test_closing_ends_the_attempts(opening: Opening) -> None:
    attempts = Attempts()
    opening.start(attempts)
    await asyncio.sleep(0)

    await opening.close()

    attempts.go_on.set()
    await asyncio.sleep(0.02)
    assert attempts.count == 1
