"""A client's request, as the gateway sees it."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from local_azure.gateway.headers import new_trace_parent, trace_parent_of
from local_azure.gateway.problems import Answer, problem
from local_azure.http_protocol import host_of
from local_azure.telemetry.spans import trace_id_of

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BODY_LIMIT_BYTES = 1024 * 1024


class TooLargeError(Exception):
    """The body exceeds BODY_LIMIT_BYTES."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path`: as sent. `trace_parent`: the client's, which then is `traced`, or a new one."""

    scope: Scope
    path: str
    trace_parent: str
    traced: bool

    @classmethod
    def of(cls, scope: Scope) -> Self:
        sent = trace_parent_of(scope["headers"])
        return cls(scope, scope["raw_path"].decode("latin-1"), sent or new_trace_parent(), sent is not None)

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def target(self) -> str:
        """Path and query."""
        query = self.scope["query_string"].decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def host(self) -> str:
        """The host that the client called. Raises InvalidHostError."""
        return host_of(self.scope)

    def header(self, searched_name: bytes) -> str:
        """The first header of this name, in lower case; empty if there is none."""
        for name, value in self.scope["headers"]:
            if name == searched_name:
                return str(value, "latin-1")
        return ""

    def refuse(self, status: HTTPStatus, detail: str, **members: object) -> Answer:
        """A problem document about this request."""
        return problem(status, detail, self.path, traceId=trace_id_of(self.trace_parent), **members)

    async def read_body(self, receive: Receive) -> bytes:
        """The whole body. Raises TooLargeError, early if Content-Length shows it, and ClientGoneError."""
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > BODY_LIMIT_BYTES:
            raise TooLargeError
        if not declared and not self.header(b"transfer-encoding"):
            return b""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > BODY_LIMIT_BYTES:
                raise TooLargeError
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)
