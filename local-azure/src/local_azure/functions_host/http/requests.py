"""Converts HTTP requests for the worker library."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from local_azure.functions_host.datums import Datum, raw, text
from local_azure.functions_host.http.principal import is_reserved
from local_azure.http_protocol import host_of
from local_azure.request_host import InvalidHostError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# The limits of Kestrel, in bytes.
MAX_REQUEST_LINE = 8 * 1024
MAX_HEADERS = 32 * 1024
MAX_HEADER_COUNT = 100
MAX_BODY = 100 * 1024 * 1024
REQUEST_LINE_EXTRA = len("  HTTP/1.1\r\n")
HEADER_EXTRA = len(": \r\n")

EMPTY_BODY = raw(b"")


class Refused(Exception):
    """The request is answered with `status` and an empty body, without a function."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name, repeated ones joined with a comma. Raises Refused beyond Kestrel's limits.

    Those that only the platform may set are left out. There is always a host: `host_of` checks it as Kestrel does, and
    replaces one that is missing in HTTP/1.0.
    """
    raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
    line = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"]) + REQUEST_LINE_EXTRA
    if line > MAX_REQUEST_LINE:
        raise Refused(414)
    if len(raw_headers) > MAX_HEADER_COUNT:
        raise Refused(431)
    headers: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in raw_headers:
        size += len(raw_name) + len(raw_value) + HEADER_EXTRA
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if is_reserved(name):
            continue
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if size > MAX_HEADERS:
        raise Refused(431)
    try:
        headers["host"] = host_of(scope)
    except InvalidHostError:
        raise Refused(400) from None
    return headers


def path_of(scope: Scope) -> str:
    """The decoded path without its leading slash. As in Kestrel, `%2F` stays and dot segments are resolved."""
    raw_path: str = scope["raw_path"].decode("latin-1")
    path = _decoded(raw_path) if "%" in raw_path else raw_path
    return (_without_dots(path) if "/." in path else path).removeprefix("/")


def _decoded(path: str) -> str:
    return "%2F".join(unquote(part) for part in path.replace("%2f", "%2F").split("%2F"))


def _without_dots(path: str) -> str:
    first, *segments = path.split("/")
    kept = [first]
    for segment in segments:
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)


async def read_body(headers: Mapping[str, str], receive: Receive) -> Datum:
    """The body as bytes; empty without a Content-Length, as on Azure. Raises Refused above MAX_BODY."""
    declared = headers.get("content-length", "0")
    if declared == "0":
        return EMPTY_BODY
    if not declared.isdigit():
        raise Refused(400)
    if int(declared) > MAX_BODY:
        raise Refused(413)
    message = await receive()
    if not message.get("more_body"):
        return raw(message.get("body", b""))
    chunks = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        chunks.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise ConnectionResetError
    return raw(b"".join(chunks))


def request_datum(scope: Scope, headers: Mapping[str, str], values: Mapping[str, str], body: Datum) -> Datum:
    """The trigger's value: method, url, headers, query, route values and body."""
    query: bytes = scope["query_string"]
    url = f"http://{headers['host']}{scope['raw_path'].decode('latin-1')}"
    return Datum(
        {
            "method": text(scope["method"]),
            "url": text(f"{url}?{query.decode('latin-1')}" if query else url),
            "headers": {name: text(value) for name, value in headers.items()},
            "query": _query(query) if query else {},
            "params": {name: text(value) for name, value in values.items()},
            "body": body,
        },
        "http",
    )


def _query(query: bytes) -> dict[str, Datum]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return {name: text(value) for name, value in values.items()}
