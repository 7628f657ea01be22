"""Spans of what a process does for a caller, told to the next process by `traceparent` (W3C Trace Context)."""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("local_azure")


def begin_span(name: str, kind: SpanKind, parent: str | None, attributes: Mapping[str, str]) -> Span:
    """A span after `parent`, a `traceparent`; without one a trace begins. The caller ends it."""
    # Nothing that an earlier call has left in this task's context counts.
    context = _propagator.extract({"traceparent": parent or ""}, Context())
    return _tracer.start_span(name, context, kind, attributes)


def traceparent_of(span: Span) -> str | None:
    """What the next process goes on with; None where no trace began, because nobody wants to know."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent")
