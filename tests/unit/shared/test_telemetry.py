import logging
import re

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared import telemetry
from shared.telemetry import continued_trace, message_span, span, trace_id, traceparent

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The spans that have ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    return exporter


def trace_id_in(header: str) -> str:
    return header.split("-")[1]


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


def test_where_nothing_records_a_span_leaves_the_trace_as_it_is() -> None:
    with continued_trace(TRACEPARENT), span("call"):
        assert traceparent() == TRACEPARENT


def test_a_recorded_span_is_current_until_it_ends(recorded: InMemorySpanExporter) -> None:
    with continued_trace(TRACEPARENT):
        with span("outer", db_operation_name="read"), span("inner"):
            inside = traceparent()
        afterwards = traceparent()

    inner, outer = recorded.get_finished_spans()
    assert inside == f"00-{trace_id_in(TRACEPARENT)}-{inner.context.span_id:016x}-01"
    assert (inner.parent and inner.parent.span_id) == outer.context.span_id
    assert outer.attributes == {"db.operation.name": "read"}
    assert afterwards == TRACEPARENT


def test_of_an_exception_a_span_records_only_the_type(recorded: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Kim"), span("call"):
        raise ValueError("Kim Yeon")

    [failed] = recorded.get_finished_spans()
    assert failed.attributes == {"error.type": "ValueError"}
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.events, failed.status.description) == ((), None)
