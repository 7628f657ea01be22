"""The host's span of an invocation, as on Azure: it continues the caller's trace, and the app's spans are below it."""

from collections.abc import Iterable, Sequence

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode

from local_azure.functions_host.datums import Datum
from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import TraceContext
from local_azure.telemetry.spans import begin_span, is_tracing

KINDS = {"httpTrigger": SpanKind.SERVER, "serviceBusTrigger": SpanKind.CONSUMER}
# The values of faas.trigger in OpenTelemetry's semantic conventions.
TRIGGERS = {
    "httpTrigger": "http",
    "serviceBusTrigger": "pubsub",
    "cosmosDBTrigger": "datasource",
    "timerTrigger": "timer",
    "warmupTrigger": "other",
}


def begin_invocation_span(
    function: Function, value: Datum | None, trace: TraceContext, causes: Sequence[str] = ()
) -> Span:
    """Begins a span, linked to that of each `traceparent` in `causes`. `end_invocation_span` ends it."""
    if not is_tracing():
        return INVALID_SPAN
    kind = function.trigger_type
    attributes = {"faas.name": function.name, "faas.trigger": TRIGGERS[kind]}
    name = function.name
    if kind == "httpTrigger" and value is not None and value.type == "http":
        method = str(value.value["method"].value)
        route = f"/{str(function.trigger.get('route') or function.name).lstrip('/')}"
        name = f"{method} {route}"
        attributes |= {"http.request.method": method, "http.route": route}
    parent = None if trace.begins else trace.parent
    return begin_span(name, KINDS.get(kind, SpanKind.INTERNAL), parent, attributes, causes)


def end_invocation_span(span: Span, *, succeeded: bool, outputs: Iterable[Datum]) -> None:
    """Ends a span with the result of the invocation and the status of an HTTP response."""
    if span.is_recording():
        status = next((str(output.value["status_code"].value) for output in outputs if output.type == "http"), "")
        # An invalid status is refused where the response is sent.
        if status.isdigit():
            span.set_attribute("http.response.status_code", int(status))
        if not succeeded or (status.isdigit() and int(status) >= 500):
            span.set_status(StatusCode.ERROR)
    span.end()
