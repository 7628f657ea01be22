"""Traces: one from the first request to the last event (OpenTelemetry, W3C Trace Context).

This is OpenTelemetry's API only: spans and metrics go where an SDK in the process sends them, and nowhere without one.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# The Azure SDKs tell every request and link at INFO: more lines than everything of ours, each paid for.
for _name in ("azure.core", "azure.cosmos", "azure.identity", "azure.servicebus"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("ssak8")


@contextmanager
def continued_trace(traceparent: str | None) -> Iterator[None]:
    """Goes on with the caller's trace; without a valid `traceparent` a trace begins here."""
    parent = _propagator.extract({"traceparent": traceparent or ""})
    if not trace.get_current_span(parent).get_span_context().is_valid:
        parent = trace.set_span_in_context(NonRecordingSpan(_new_span_context()))
    token = context.attach(parent)
    try:
        yield
    finally:
        context.detach(token)


def _new_span_context() -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(secrets.randbits(128) | 1, secrets.randbits(64) | 1, is_remote=False, trace_flags=sampled)


def trace_id() -> str:
    """The id of the current trace: 32 hexadecimal digits; all zeros outside a trace."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def traceparent() -> str | None:
    """What a callee needs to go on with the current trace; None outside a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str) -> Iterator[Span]:
    """A span of the current trace. An attribute's name has `_` for `.`: `messaging_system` is `messaging.system`.

    An exception is told by its type only, because its text may hold what a customer sent.
    """
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=named, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(StatusCode.ERROR)
            raise
