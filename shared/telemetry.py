"""Traces: one from the first request to the last event (OpenTelemetry, W3C Trace Context).

This is OpenTelemetry's API only. Where spans and metrics go is the host's to say: on Azure its worker sends them to
Application Insights, on a laptop local_azure sends them where OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER name.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# The Azure SDKs tell every request and link at INFO: more lines than everything of ours, each paid for. The worker
# (azure.functions) tells every invocation, and repeats a failed one's exception, which the host tells too. What sends
# telemetry (azure.monitor) tells each sending, and sends that as well: a line a second for ever.
_QUIET = {
    "azure.core": logging.WARNING,
    "azure.cosmos": logging.WARNING,
    "azure.functions": logging.CRITICAL,
    "azure.identity": logging.WARNING,
    "azure.monitor": logging.WARNING,
    "azure.servicebus": logging.WARNING,
}
for _name, _level in _QUIET.items():
    logging.getLogger(_name).setLevel(_level)

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("ssak8")


@contextmanager
def continued_trace(traceparent: str | None) -> Iterator[None]:
    """Goes on with the caller's trace; without a valid `traceparent`, and outside any trace, one begins here."""
    token = context.attach(_context_after(traceparent))
    try:
        yield
    finally:
        context.detach(token)


def _context_after(traceparent: str | None) -> Context:
    caller = _propagator.extract({"traceparent": traceparent or ""})
    told = trace.get_current_span(caller).get_span_context()
    here = trace.get_current_span().get_span_context()
    if here.is_valid and here.trace_id == told.trace_id:
        # The host has a span of its own between the caller's and ours.
        return context.get_current()
    return caller if told.is_valid else trace.set_span_in_context(NonRecordingSpan(_new_span_context()))


def _new_span_context() -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(secrets.randbits(128) | 1, secrets.randbits(64) | 1, is_remote=False, trace_flags=sampled)


def trace_id() -> str:
    """The id of the current trace: 32 hexadecimal digits; all zeros outside a trace."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def traceparent(of: Span | None = None) -> str | None:
    """What a callee needs to go on with the current trace, or with that of a span; None outside a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(of) if of else None)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int) -> Iterator[Span]:
    """A span of the current trace. An attribute's name has `_` for `.`: `messaging_system` is `messaging.system`.

    An exception is told by its type only, because its text may hold what a customer sent.
    """
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            mark_failed(current, error)
            raise


def message_span(name: str, traceparent: str | None, **attributes: str | int) -> Span:
    """A span of a message that is sent now, in the trace it belongs to; the caller ends it.

    The invocation that sends it, maybe together with messages of other traces, is linked.
    """
    here = trace.get_current_span().get_span_context()
    links = [Link(here)] if here.is_valid else []
    return _tracer.start_span(name, _context_after(traceparent), SpanKind.PRODUCER, _named(attributes), links)


def mark_failed(failed: Span, error: BaseException) -> None:
    """Tells that what a span stands for failed."""
    failed.set_attribute("error.type", type(error).__name__)
    failed.set_status(StatusCode.ERROR)


def _named(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {key.replace("_", "."): value for key, value in attributes.items()}
