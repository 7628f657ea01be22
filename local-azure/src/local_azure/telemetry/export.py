"""Sets up the OpenTelemetry SDK. Its import takes 0.1 s, so `start_telemetry` imports this module only if needed."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

from local_azure.telemetry.settings import TelemetrySettings

SHUTDOWN_TIMEOUT = 0.5  # seconds; an endpoint that does not answer must not keep the process alive

type ShutDown = Callable[[], object]


def export(service: str, settings: TelemetrySettings) -> Callable[[], None]:
    """Sets up the process's providers. The SDK reads endpoint, headers, intervals and sampler from OTEL_* variables.

    Returns a function that sends the remaining telemetry, within SHUTDOWN_TIMEOUT.
    """
    resource = Resource.create({"service.name": service})
    shut_down: list[ShutDown] = []
    if settings.traces != "none":
        shut_down.append(_export_traces(resource, settings.traces))
    if settings.metrics != "none":
        shut_down.append(_export_metrics(resource, settings.metrics))
    if settings.logs != "none":
        shut_down.append(_export_logs(resource))

    def end() -> None:
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        threads = [threading.Thread(target=each, daemon=True) for each in shut_down]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    return end


def _export_traces(resource: Resource, exporter: str) -> ShutDown:
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if exporter == "console":
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=_span_line)))
    else:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _export_metrics(resource: Resource, exporter: str) -> ShutDown:
    console = exporter == "console"
    metric_exporter = ConsoleMetricExporter(sys.stderr, _metric_lines) if console else OTLPMetricExporter()
    provider = MeterProvider([PeriodicExportingMetricReader(metric_exporter)], resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider.shutdown


def _export_logs(resource: Resource) -> ShutDown:
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    set_logger_provider(provider)
    handler = LoggingHandler(logger_provider=provider)
    # The exporter's own errors would be exported again, without end.
    handler.addFilter(lambda record: not record.name.startswith("opentelemetry"))
    logging.getLogger().addHandler(handler)
    return provider.shutdown


def _span_line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


def _metric_lines(data: MetricsData) -> str:
    """One line for each metric."""
    lines = (
        json.dumps({"metric": metric.name, "unit": metric.unit, "data": json.loads(metric.data.to_json(indent=None))})
        for of_resource in data.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
    )
    return "".join(f"{line}\n" for line in lines)
