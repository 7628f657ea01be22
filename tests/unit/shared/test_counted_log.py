import asyncio
import logging

import pytest

from shared.counted_log import CountedLog
from tests.virtual_time import run_virtually


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_thousand_warnings_a_second_are_two_lines_that_count_them_all(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse() -> None:
        counted = CountedLog(logging.getLogger("test"))
        for number in range(1000):
            counted.warning("too long" if number % 10 else "too busy", f"trace{number}")
            await asyncio.sleep(0.0005)
        await asyncio.sleep(5)
        counted.warning("too busy", "trace1000")

    run_virtually(refuse())

    assert lines(caplog) == [
        "too busy trace trace0",
        "within a second: 900 × too long; 99 × too busy last trace trace999",
        "too busy trace trace1000",
    ]


def test_as_long_as_they_come_there_is_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse() -> None:
        counted = CountedLog(logging.getLogger("test"))
        for _ in range(100):
            counted.warning("too long", "trace")
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)

    run_virtually(refuse())

    assert len(caplog.records) <= 12
    counts = [int(line.removeprefix("within a second: ").split(" ")[0]) for line in lines(caplog)[1:]]
    assert 1 + sum(counts) == 100
