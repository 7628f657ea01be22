"""Receives telemetry over a real socket, as an OTLP endpoint and as the ingestion endpoint of Application Insights."""

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

type Envelope = dict[str, Any]
"""An item of Application Insights: `tags`, and `data` with `baseType` and `baseData`."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span from OTLP. `parent`: its span id; empty for the first span of a trace."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    failed: bool
    attributes: Mapping[str, str]


@dataclass
class Receiver:
    """Everything received. `bodies`: path and decompressed body of each request."""

    url: str = ""
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self) -> list[ReceivedSpan]:
        return [span for path, body in list(self.bodies) if path == "/v1/traces" for span in _spans(body)]

    def metrics(self) -> set[str]:
        """The names of all metrics."""
        return {metric.name for metric in self._metrics()}

    def count(self, name: str) -> int:
        """The value of a counter of one process."""
        points = [point for metric in self._metrics() if metric.name == name for point in metric.sum.data_points]
        return max((point.as_int for point in points), default=0)

    def _metrics(self) -> Iterator[Metric]:
        for path, body in list(self.bodies):
            if path == "/v1/metrics":
                for of_resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    for of_scope in of_resource.scope_metrics:
                        yield from of_scope.metrics

    def envelopes(self, kind: str) -> list[Envelope]:
        """The items of one kind (such as RequestData or MetricData) sent to Application Insights."""
        lines = [line for path, body in list(self.bodies) if path.endswith("/track") for line in _items(body)]
        return [line for line in lines if line["data"]["baseType"] == kind]

    def holds(self, text: str, path: str = "") -> bool:
        """Whether `text` occurs anywhere in the bodies, or in those received at `path`."""
        written = (text.encode(), json.dumps(text).strip('"').encode(), quote(text).encode())
        return any(form in body for at, body in list(self.bodies) if at.startswith(path) for form in written)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.bodies.append((self.path, body))
            count = len(_items(body)) if self.path.endswith("/track") else 0
            response = json.dumps({"itemsReceived": count, "itemsAccepted": count, "errors": []}) if count else ""
            self.send_response(200)
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 the base class names it so
            """Keeps the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()


def _spans(body: bytes) -> Iterator[ReceivedSpan]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {attribute.key: attribute.value.string_value for attribute in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield ReceivedSpan(
                    service=resource["service.name"],
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    attributes={
                        attribute.key: attribute.value.string_value or str(attribute.value.int_value)
                        for attribute in span.attributes
                    },
                )


def _items(body: bytes) -> list[Envelope]:
    """Reads a JSON array, or one JSON document per line."""
    text = body.decode()
    if text.startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line]
