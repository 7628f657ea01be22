"""A client's request, as the gateway sees it."""

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from local_azure.gateway.answers import Answer
from local_azure.gateway.headers import Headers, new_trace_parent, trace_parent_of
from local_azure.gateway.problems import problem
from local_azure.request_host import origin_form, read_host
from local_azure.telemetry.spans import trace_id_of


@dataclass
class Request:
    """A whole request. `sent_target`: as on the wire. Names in `headers` are in lower case.

    `client`: the client's address. `server`: address and port of the gateway. `keep_alive`: the client may send another
    request on this connection.
    """

    method: str
    sent_target: bytes
    http_version: str
    headers: Headers
    client: str
    server: str
    keep_alive: bool
    body: bytes = b""

    def __post_init__(self) -> None:
        target = self.sent_target
        if not target.startswith(b"/"):
            target = origin_form(target)
        # The parser of HTTP accepts ASCII only.
        self.target = target.decode("latin-1")
        """Path and query, as they are forwarded."""
        self.path = self.target.partition("?")[0]
        """As sent: not decoded, and not rewritten."""

    @cached_property
    def host(self) -> str:
        """The host that the client called; without a Host in HTTP/1.0, the gateway. Raises InvalidHostError."""
        hosts = (value for name, value in self.headers if name == b"host")
        return read_host(self.http_version, self.sent_target, hosts) or self.server

    @cached_property
    def sent_trace_parent(self) -> str | None:
        """The client's `traceparent`, if it sent a valid one."""
        return trace_parent_of(self.headers)

    @cached_property
    def trace_parent(self) -> str:
        """The client's `traceparent`, or a new one."""
        return self.sent_trace_parent or new_trace_parent()

    @property
    def trace_id(self) -> str:
        return trace_id_of(self.trace_parent)

    def header(self, searched_name: bytes) -> str:
        """The first header of this name, in lower case; empty if there is none."""
        for name, value in self.headers:
            if name == searched_name:
                return str(value, "latin-1")
        return ""

    def refuse(self, status: HTTPStatus, detail: str, *, closes: bool = False, **members: object) -> Answer:
        """A problem document about this request."""
        return problem(status, detail, self.path, closes=closes, traceId=self.trace_id, **members)
