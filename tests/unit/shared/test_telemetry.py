import logging
import re

import pytest

from shared.telemetry import continued_trace, message_span, trace_id, traceparent

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


def test_within_the_callers_trace_the_span_around_goes_first() -> None:
    here = TRACEPARENT.replace("b7ad6b7169203331", "00f067aa0ba902b7")

    with continued_trace(here), continued_trace(TRACEPARENT):
        assert traceparent() == here


def test_within_another_trace_the_callers_goes_first() -> None:
    other = TRACEPARENT.replace("0af76519", "4bf92f35")

    with continued_trace(other), continued_trace(TRACEPARENT):
        assert traceparent() == TRACEPARENT


def test_a_message_is_sent_in_the_trace_it_belongs_to() -> None:
    assert traceparent(message_span("send", TRACEPARENT)) == TRACEPARENT


@pytest.mark.parametrize(
    "logger", ["azure.monitor.opentelemetry.exporter.export._base", "azure.core.pipeline.policies", "azure.functions"]
)
def test_libraries_that_tell_every_call_are_quiet_where_everything_else_is_told(
    logger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on Azure, where nothing but the root logger has a level.
    monkeypatch.setattr(logging.getLogger("azure"), "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)

    assert logging.getLogger(logger).getEffectiveLevel() >= logging.WARNING
    assert logging.getLogger("shared").getEffectiveLevel() == logging.INFO


def test_outside_a_trace_there_is_none() -> None:
    assert traceparent() is None
