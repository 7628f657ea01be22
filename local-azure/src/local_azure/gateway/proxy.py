"""The reverse proxy, as an ASGI application."""

import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict
from opentelemetry.trace import Span, SpanKind, StatusCode
from yarl import URL

from local_azure.configuration import GatewaySection
from local_azure.gateway.headers import for_client, for_upstream
from local_azure.gateway.problems import Answer, route_index
from local_azure.gateway.requests import BODY_LIMIT_BYTES, ClientGoneError, Receive, Request, Scope, TooLargeError
from local_azure.gateway.routing import RouteTable, has_dot_segments
from local_azure.request_host import InvalidHostError
from local_azure.telemetry.spans import begin_span, trace_id_of, traceparent_of

type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REQUEST_TARGET_LIMIT_BYTES = 8 * 1024
SHOWN_PATH_LENGTH = 100
HEADERS_LIMIT_BYTES = 32 * 1024
CONNECT_TIMEOUT_SECONDS = 1.0
TOTAL_TIMEOUT_SECONDS = GatewaySection().timeout_seconds
# Shorter than the 130 s after which the functions host closes an idle connection, so that none is reused just then.
IDLE_CONNECTION_SECONDS = 60.0
# Headers that aiohttp would add if the client sent none.
AUTOMATIC_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
INDEX_ALLOWS = (b"allow", b"GET, HEAD, OPTIONS")
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

logger = logging.getLogger(__name__)


class Gateway:
    """Forwards each request to the upstream of its path prefix. Use it as `async with`.

    If an idle connection turns out to be broken, only idempotent methods are retried: no POST is sent twice.
    """

    def __init__(self, routes: RouteTable, total_timeout: float = TOTAL_TIMEOUT_SECONDS) -> None:
        """`total_timeout` in seconds, from the connection to the last byte of the response."""
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
        request = Request.of(scope)
        try:
            answer = _refusal(request) or self._own_answer(request) or await self._proxied(request, receive)
        except TooLargeError:
            answer = request.refuse(HTTPStatus.CONTENT_TOO_LARGE, f"A body may have at most {BODY_LIMIT_BYTES} bytes.")
        except ClientGoneError:
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _own_answer(self, request: Request) -> Answer | None:
        """The answer to a request that belongs to no upstream."""
        if self._routes.upstream(request.path) is not None:
            return None
        if request.path == "/":
            return _index(request, self._routes.prefixes)
        detail = "No route covers this path; `routes` lists the prefixes."
        return request.refuse(HTTPStatus.NOT_FOUND, detail, routes=self._routes.prefixes)

    async def _proxied(self, request: Request, receive: Receive) -> Answer:
        upstream = self._routes.upstream(request.path)
        body = await request.read_body(receive)
        client = request.scope["client"][0] if request.scope["client"] else ""
        headers = for_upstream(request.scope["headers"], client, request.scope["scheme"], request.host)
        target = URL(f"{upstream}{request.target}", encoded=True)
        with _span(request, self._routes.prefix(request.path) or "/") as span:
            headers["traceparent"] = traceparent_of(span) or request.trace_parent
            request = replace(request, trace_parent=headers["traceparent"])
            try:
                answer = await self._answer(request.method, target, headers, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                trace_id, kind = trace_id_of(request.trace_parent), type(error).__name__
                logger.warning("%s %s failed: %s (trace %s)", request.method, upstream, kind, trace_id)
                answer = _failure(error, request)
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
            # The length of the response to HEAD is that of the response to GET, which only the upstream knows.
            has_body = method != "HEAD" and response.status not in BODILESS
            if has_body and not any(name == b"content-length" for name, _ in returned):
                returned.append((b"content-length", str(len(content)).encode()))
            return Answer(response.status, content, returned)


def _refusal(request: Request) -> Answer | None:
    """The answer to a request that is not even looked up; None: there is nothing to refuse."""
    try:
        _ = request.host
    except InvalidHostError as error:
        answer = request.refuse(HTTPStatus.BAD_REQUEST, str(error))
        return replace(answer, headers=[*answer.headers, (b"connection", b"close")])
    if len(request.target) > REQUEST_TARGET_LIMIT_BYTES:
        detail = f"A path with its query may have at most {REQUEST_TARGET_LIMIT_BYTES} bytes."
        shortened = replace(request, path=request.path[:SHOWN_PATH_LENGTH])
        return shortened.refuse(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
    if sum(len(name) + len(value) for name, value in request.scope["headers"]) > HEADERS_LIMIT_BYTES:
        detail = f"The headers together may have at most {HEADERS_LIMIT_BYTES} bytes."
        return request.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    if has_dot_segments(request.path):
        return request.refuse(HTTPStatus.BAD_REQUEST, "The path must not contain . or .. as a segment.")
    return None


def _index(request: Request, prefixes: list[str]) -> Answer:
    if request.method in ("GET", "HEAD"):
        return route_index(prefixes, request.header(b"accept"))
    if request.method == "OPTIONS":
        return Answer(HTTPStatus.NO_CONTENT, b"", [INDEX_ALLOWS])
    answer = request.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This path has only the list of the routes.")
    return replace(answer, headers=[*answer.headers, INDEX_ALLOWS])


@contextmanager
def _span(request: Request, prefix: str) -> Iterator[Span]:
    """The span of the request, a child of the client's if it sent one. Without the path, which may be personal."""
    attributes = {"http.request.method": request.method, "http.route": prefix}
    parent = request.trace_parent if request.traced else None
    span = begin_span(f"{request.method} {prefix}", SpanKind.SERVER, parent, attributes)
    try:
        yield span
    finally:
        span.end()


def _failure(error: Exception, request: Request) -> Answer:
    """The order matters: ConnectionTimeoutError is a TimeoutError too."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return request.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The service behind this path is not running.")
    if isinstance(error, TimeoutError):
        return request.refuse(HTTPStatus.GATEWAY_TIMEOUT, "The service behind this path did not answer in time.")
    detail = "The service behind this path closed the connection before it answered."
    return request.refuse(HTTPStatus.BAD_GATEWAY, detail)
