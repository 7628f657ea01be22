"""The reverse proxy, as an ASGI application."""

import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict
from opentelemetry.trace import Span, SpanKind, StatusCode
from yarl import URL

from local_azure.configuration import GatewaySection
from local_azure.gateway.headers import for_client, for_upstream
from local_azure.gateway.problems import Answer, problem, route_index
from local_azure.gateway.routing import RouteTable, has_dot_segments
from local_azure.telemetry.spans import begin_span, traceparent_of

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_LIMIT_BYTES = 1024 * 1024
REQUEST_TARGET_LIMIT_BYTES = 8 * 1024
HEADERS_LIMIT_BYTES = 32 * 1024
CONNECT_TIMEOUT_SECONDS = 1.0
TOTAL_TIMEOUT_SECONDS = GatewaySection().timeout_seconds
# Below the 130 s after which the functions host closes an idle connection, so that none is reused while that happens.
IDLE_CONNECTION_SECONDS = 60.0
# What aiohttp would add where the client sent nothing.
AUTOMATIC_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

logger = logging.getLogger(__name__)


class _TooLargeError(Exception):
    """The request's body exceeds BODY_LIMIT_BYTES."""


class _ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Gateway:
    """Passes each request to the upstream of its path prefix, and the answer back. Use it as `async with`.

    A connection that broke while idle is retried for idempotent methods only, so no POST is sent twice.
    """

    def __init__(self, routes: RouteTable, total_timeout: float = TOTAL_TIMEOUT_SECONDS) -> None:
        """`total_timeout` in seconds, from the connection to the last byte of the answer."""
        self._routes = routes
        self._timeout = aiohttp.ClientTimeout(total=total_timeout, sock_connect=CONNECT_TIMEOUT_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_SECONDS),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=AUTOMATIC_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("latin-1")
        try:
            answer = self._refusal(scope, path) or await self._proxied(scope, receive, path)
        except _TooLargeError:
            answer = problem(HTTPStatus.CONTENT_TOO_LARGE, f"A body may have {BODY_LIMIT_BYTES} bytes.", path)
        except _ClientGoneError:
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _refusal(self, scope: Scope, path: str) -> Answer | None:
        if len(path) + len(scope["query_string"]) > REQUEST_TARGET_LIMIT_BYTES:
            detail = f"A path with its query may have {REQUEST_TARGET_LIMIT_BYTES} bytes."
            return problem(HTTPStatus.REQUEST_URI_TOO_LONG, detail, path[:100])
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT_BYTES:
            detail = f"The headers may have {HEADERS_LIMIT_BYTES} bytes together."
            return problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail, path)
        if has_dot_segments(path):
            return problem(HTTPStatus.BAD_REQUEST, "The path must not have . or .. as a segment.", path)
        return None

    async def _proxied(self, scope: Scope, receive: Receive, path: str) -> Answer:
        upstream = self._routes.upstream(path)
        if upstream is None:
            if path == "/" and scope["method"] in ("GET", "HEAD"):
                return route_index(self._routes.prefixes, _header(scope, b"accept"))
            detail = "No route covers this path. Known prefixes are in `routes`."
            return problem(HTTPStatus.NOT_FOUND, detail, path, routes=self._routes.prefixes)
        body = await _body(scope, receive)
        client = scope["client"][0] if scope["client"] else ""
        headers = for_upstream(scope["headers"], client, scope["scheme"])
        query = scope["query_string"].decode("latin-1")
        target = URL(f"{upstream}{path}?{query}" if query else f"{upstream}{path}", encoded=True)
        with _span(scope, self._routes.prefix(path) or "/", headers["traceparent"]) as span:
            headers["traceparent"] = traceparent_of(span) or headers["traceparent"]
            try:
                answer = await self._answer(scope["method"], target, headers, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                trace_id = headers["traceparent"].split("-")[1]
                logger.warning("%s %s failed: %s (trace %s)", scope["method"], upstream, type(error).__name__, trace_id)
                answer = _failure(error, path, trace_id)
            span.set_attribute("http.response.status_code", answer.status)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(StatusCode.ERROR)
        return answer

    async def _answer(self, method: str, target: URL, headers: CIMultiDict[str], body: bytes) -> Answer:
        if self._session is None:
            raise RuntimeError("the gateway is used outside its `async with`")
        async with self._session.request(
            method, target, headers=headers, data=body or None, allow_redirects=False
        ) as response:
            content = await response.read()
            returned = for_client(response.raw_headers)
            if response.status not in BODILESS and not any(name == b"content-length" for name, _ in returned):
                returned.append((b"content-length", str(len(content)).encode()))
            return Answer(response.status, content, returned)


@contextmanager
def _span(scope: Scope, prefix: str, forwarded: str) -> Iterator[Span]:
    """The request's span, after the client's own where it sent one; the path may name a customer and stays out."""
    method = scope["method"]
    parent = forwarded if _header(scope, b"traceparent") == forwarded else None
    attributes = {"http.request.method": method, "http.route": prefix}
    span = begin_span(f"{method} {prefix}", SpanKind.SERVER, parent, attributes)
    try:
        yield span
    finally:
        span.end()


def _failure(error: Exception, path: str, trace_id: str) -> Answer:
    """ConnectionTimeoutError is a TimeoutError too, so the order of these counts."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        detail = "The service behind this path is not running."
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, path, traceId=trace_id)
    if isinstance(error, TimeoutError):
        detail = "The service behind this path did not answer in time."
        return problem(HTTPStatus.GATEWAY_TIMEOUT, detail, path, traceId=trace_id)
    detail = "The service behind this path broke the connection before it had answered."
    return problem(HTTPStatus.BAD_GATEWAY, detail, path, traceId=trace_id)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The request's whole body. Raises _TooLargeError, early where a Content-Length tells, and _ClientGoneError."""
    declared = _header(scope, b"content-length")
    if declared.isdigit() and int(declared) > BODY_LIMIT_BYTES:
        raise _TooLargeError
    if not declared and not _header(scope, b"transfer-encoding"):
        return b""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            raise _TooLargeError
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return ""
