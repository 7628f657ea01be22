"""The span of an invocation."""

import pytest
from azure_functions_runtime.bindings.datumdef import Datum
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import StatusCode

from local_azure.functions_host.datums import text
from local_azure.functions_host.invocation_span import end_invocation_span


def ended(status: str, *, succeeded: bool = True) -> ReadableSpan:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("call")
    end_invocation_span(span, succeeded=succeeded, outputs=[Datum({"status_code": text(status)}, "http")])
    assert isinstance(span, ReadableSpan)
    return span


@pytest.mark.parametrize(
    ("status", "code"), [("201", StatusCode.UNSET), ("404", StatusCode.UNSET), ("503", StatusCode.ERROR)]
)
def test_the_span_has_the_status_of_the_response(status: str, code: StatusCode) -> None:
    span = ended(status)

    assert (span.attributes or {})["http.response.status_code"] == int(status)
    assert span.status.status_code is code


def test_an_invalid_status_ends_the_span_too() -> None:
    span = ended("created")

    assert span.end_time
    assert "http.response.status_code" not in (span.attributes or {})


def test_a_failed_invocation_is_a_failed_span() -> None:
    assert ended("200", succeeded=False).status.status_code is StatusCode.ERROR
