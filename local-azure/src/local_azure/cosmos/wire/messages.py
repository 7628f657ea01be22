"""Requests and responses of HTTP/1.1 (RFC 9112)."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus

from local_azure.cosmos.errors import CosmosError


@dataclass(slots=True)
class Request:
    """`target`: the path and query string as sent, percent-encoded. The names in `headers` are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_BODY = frozenset((204, 304))  # RFC 9110 §8.6: no content, and no content-length


def render(response: Response, method: str, *, keep_alive: bool) -> bytes:
    """The bytes of the response to a request with this method: a HEAD gets no body (RFC 9110 §9.3.2)."""
    lines = [_STATUS_LINES[response.status], "content-type: application/json\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
    if response.status not in _WITHOUT_BODY:
        lines.append(f"content-length: {len(response.body)}\r\n")
    if not keep_alive:
        lines.append("connection: close\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("latin-1")
    return head if method == "HEAD" or response.status in _WITHOUT_BODY else head + response.body


def error_response(error: CosmosError) -> Response:
    body = json.dumps({"code": error.code, "message": error.message}).encode()
    return Response(error.status, body, {"x-ms-substatus": str(error.sub_status), "x-ms-request-charge": "1"})
