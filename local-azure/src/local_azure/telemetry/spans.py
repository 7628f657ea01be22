"""Spans, passed on to the next process in `traceparent` (W3C Trace Context)."""

from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, ProxyTracerProvider, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("local_azure")


def is_tracing() -> bool:
    """Whether this process exports spans."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def begin_span(
    name: str, kind: SpanKind, parent: str | None, attributes: Mapping[str, str], linked: Sequence[str] = ()
) -> Span:
    """Begins a span below `parent`, a `traceparent`, or of a new trace, linked to others. The caller ends it.

    While tracing is off it is not valid, and knows nothing of `parent`.
    """
    if not is_tracing():
        return INVALID_SPAN
    links = [Link(trace.get_current_span(_context_of(other)).get_span_context()) for other in linked]
    return _tracer.start_span(name, _context_of(parent), kind, attributes, links)


def _context_of(traceparent: str | None) -> Context:
    # Begins with an empty context, because this task's may contain the span of an earlier call.
    return _propagator.extract({"traceparent": traceparent or ""}, Context())


def trace_id_of(trace_parent: str) -> str:
    return trace_parent.split("-")[1]


def traceparent_of(span: Span) -> str | None:
    """The `traceparent` for the next process; None if tracing is off."""
    if not span.get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent")
