"""The span of an invocation, as the host has one of its own on Azure: the caller's trace, the app's spans below it."""

from collections.abc import Iterable

from opentelemetry.trace import Span, SpanKind, StatusCode

from local_azure.functions_host.datums import Datum
from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import TraceContext
from local_azure.telemetry.spans import begin_span

KINDS = {"httpTrigger": SpanKind.SERVER, "serviceBusTrigger": SpanKind.CONSUMER}
# Of the semantic conventions: what kind of source started a function.
TRIGGERS = {
    "httpTrigger": "http",
    "serviceBusTrigger": "pubsub",
    "cosmosDBTrigger": "datasource",
    "timerTrigger": "timer",
}


def begin_invocation_span(function: Function, value: Datum | None, trace: TraceContext) -> Span:
    """The caller ends it with `end_invocation_span`."""
    kind = function.trigger_type
    attributes = {"faas.name": function.name, "faas.trigger": TRIGGERS[kind]}
    name = function.name
    if kind == "httpTrigger" and value is not None and value.type == "http":
        method = str(value.value["method"].value)
        route = f"/{str(function.trigger.get('route') or function.name).lstrip('/')}"
        name = f"{method} {route}"
        attributes |= {"http.request.method": method, "http.route": route}
    parent = None if trace.begins else trace.parent
    return begin_span(name, KINDS.get(kind, SpanKind.INTERNAL), parent, attributes)


def end_invocation_span(span: Span, *, succeeded: bool, outputs: Iterable[Datum]) -> None:
    """Tells how it ended: whether it failed, and the status of an HTTP answer."""
    if span.is_recording():
        status = next((str(output.value["status_code"].value) for output in outputs if output.type == "http"), "")
        # What is no status is refused by whoever sends the answer.
        if status.isdigit():
            span.set_attribute("http.response.status_code", int(status))
        if not succeeded or (status.isdigit() and int(status) >= 500):
            span.set_status(StatusCode.ERROR)
    span.end()
