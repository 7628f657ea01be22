import re

import pytest

from shared.telemetry import continued_trace, trace_id, traceparent

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_callers_trace_goes_on() -> None:
    with continued_trace(TRACEPARENT):
        assert trace_id() == "0af7651916cd43dd8448eb211c80319c"
        assert traceparent() == TRACEPARENT


@pytest.mark.parametrize(
    "header", [None, "", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + TRACEPARENT]
)
def test_without_a_valid_traceparent_a_trace_begins(header: str | None) -> None:
    with continued_trace(header):
        first = traceparent()
    with continued_trace(header):
        second = traceparent()

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first or "")
    assert first != second


def test_outside_a_trace_there_is_none() -> None:
    assert traceparent() is None
