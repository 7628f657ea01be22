"""Traces: one from the first request to the last event (OpenTelemetry, W3C Trace Context).

This uses only OpenTelemetry's API. The host decides where spans and metrics go: on Azure its worker sends them to
Application Insights, on a laptop local-azure sends them where OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER say.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from functools import cache
from types import TracebackType

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# At INFO the Azure SDKs log every request and link: more lines than all of ours, and each one costs money. The worker
# (azure.functions) logs every invocation, and repeats the exception of a failed one, which the host logs too. The
# exporter (azure.monitor) logs each export, and exports that line as well: one line a second, for ever.
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


def continued_trace(traceparent: str | None) -> AbstractContextManager[None]:
    """Continues the caller's trace; starts a new one if `traceparent` is not valid and there is no current trace."""
    return _ContinuedTrace(traceparent)


class _ContinuedTrace(AbstractContextManager[None]):
    """A class, because one from a generator takes three times as long to enter, and there are several in a request."""

    def __init__(self, traceparent: str | None) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> None:
        self._token = context.attach(_context_after(self._traceparent))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        context.detach(self._token)


def _context_after(traceparent: str | None) -> Context:
    caller = _propagator.extract({"traceparent": traceparent or ""})
    remote = trace.get_current_span(caller).get_span_context()
    current = trace.get_current_span().get_span_context()
    if current.is_valid and current.trace_id == remote.trace_id:
        # The host has put a span of its own between the caller's and ours.
        return context.get_current()
    return caller if remote.is_valid else trace.set_span_in_context(NonRecordingSpan(_new_span_context()))


def _new_span_context() -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(secrets.randbits(128) | 1, secrets.randbits(64) | 1, is_remote=False, trace_flags=sampled)


def trace_id() -> str:
    """The id of the current trace: 32 hexadecimal digits, all zeros outside a trace."""
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def traceparent(of: Span | None = None) -> str | None:
    """The header that lets a callee continue the current trace, or that of a span; None outside a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(of) if of else None)
    return carrier.get("traceparent")


def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int) -> AbstractContextManager[Span]:
    """A span of the current trace. In the names of attributes `_` stands for `.`: `messaging_system`.

    Only the type of an exception is recorded, because its text may hold what a customer sent.
    """
    return _CurrentSpan(_tracer.start_span(name, kind=kind, attributes=_named(attributes)))


class _CurrentSpan(AbstractContextManager[Span]):
    """Makes a span that has begun the current one, and ends it."""

    def __init__(self, begun: Span) -> None:
        self._span = begun
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        # Where nothing records, the tracer gives back the current span: there is nothing to make current.
        if self._span is not trace.get_current_span():
            self._token = context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            mark_failed(self._span, error)
        if self._token is not None:
            context.detach(self._token)
        self._span.end()


@contextmanager
def event_span(name: str, traceparent: str | None, **attributes: str | int) -> Iterator[Span]:
    """A span for handling an event, in the trace of the request that caused it.

    It is linked to the current invocation, which may handle events of several traces.
    """
    invocation = trace.get_current_span().get_span_context()
    with continued_trace(traceparent), span(name, SpanKind.INTERNAL, **attributes) as current:
        if invocation.is_valid and invocation.trace_id != current.get_span_context().trace_id:
            current.add_link(invocation)
        yield current


def message_span(name: str, traceparent: str | None, **attributes: str | int) -> Span:
    """A span for sending a message, in the trace of the request that caused it; the caller ends the span.

    It is linked to the current invocation, which may send messages of several traces.
    """
    current = trace.get_current_span().get_span_context()
    links = [Link(current)] if current.is_valid else []
    return _tracer.start_span(name, _context_after(traceparent), SpanKind.PRODUCER, _named(attributes), links)


def mark_failed(failed: Span, error: BaseException) -> None:
    """Marks a span as failed."""
    failed.set_attribute("error.type", type(error).__name__)
    failed.set_status(StatusCode.ERROR)


def _named(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {_dotted(key): value for key, value in attributes.items()}


@cache
def _dotted(name: str) -> str:
    return name.replace("_", ".")
