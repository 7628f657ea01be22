"""The reverse proxy: what is answered at once, and what is forwarded to which upstream."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from opentelemetry.trace import Span, SpanKind, StatusCode

from local_azure.configuration import GatewaySection
from local_azure.gateway.answers import Answer
from local_azure.gateway.concurrency import ConcurrencyLimit
from local_azure.gateway.headers import Forwarding, Headers, for_client
from local_azure.gateway.problems import problem, route_index
from local_azure.gateway.requests import Request
from local_azure.gateway.routing import RouteTable, has_dot_segments, normalized
from local_azure.gateway.upstream import IDLE_CONNECTION_SECONDS, UnreachableError, Upstream
from local_azure.gateway.upstream_connection import NO_CONTENT, NOT_MODIFIED, BrokenError, Response
from local_azure.request_host import InvalidHostError
from local_azure.telemetry.spans import begin_span, traceparent_of

REQUEST_TARGET_LIMIT_BYTES = 8 * 1024
SHOWN_PATH_LENGTH = 100
HEADERS_LIMIT_BYTES = 32 * 1024
INDEX_ALLOWS = (b"allow", b"GET, HEAD, OPTIONS")
# Their requests have no body unless they say so (RFC 9110 §8.6); those of others have one, which may be empty.
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "DELETE"})
IDEMPOTENCY_KEY = b"idempotency-key"

logger = logging.getLogger(__name__)


class Gateway:
    """Forwards each request to the upstream of its path prefix."""

    def __init__(self, routes: RouteTable, settings: GatewaySection, *, tracing: bool = True) -> None:
        """`routes`: those of `settings`, with their upstreams. `tracing`: whether anybody reads the spans.

        A span costs as much as forwarding the request.
        """
        self.total_timeout = settings.timeout_seconds
        self._routes = routes
        self._tracing = tracing
        self._rewrites = settings.rewrites
        self._forwarding = Forwarding(settings.renamed_headers)
        urls = {prefix: routes.upstream(prefix) or "" for prefix in routes.prefixes}
        upstreams = {url: Upstream(url, settings.retry_seconds) for url in urls.values()}
        self._upstreams = {prefix: upstreams[url] for prefix, url in urls.items()}
        self._limits = {}
        for limited, most in settings.concurrency.items():
            method, _, prefix = limited.rpartition(" ")
            self._limits[method, normalized(prefix)] = ConcurrencyLimit(limited, most)

    def answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The answer, or what has to be awaited for it: it must be, since it counts as in progress."""
        if refusal := _refusal(request):
            return refusal
        path = self._rewrites.get(request.path, request.path)
        prefix = self._routes.prefix(path)
        if prefix is None:
            return self._own_answer(request)
        limit = self._limits.get((request.method, prefix)) or self._limits.get(("", prefix))
        if limit is not None and not limit.enter():
            return limit.refusal(request)
        request.target = path + request.target[len(request.path) :]
        return self._forwarded(request, prefix, limit)

    def look_back(self) -> None:
        """Call it about once a second."""
        for upstream in self._upstreams.values():
            upstream.close_idle(IDLE_CONNECTION_SECONDS)
        for limit in self._limits.values():
            limit.look_back()

    def close(self) -> None:
        for upstream in self._upstreams.values():
            upstream.close_idle()

    def _own_answer(self, request: Request) -> Answer:
        """The answer to a request that belongs to no upstream."""
        if request.path == "/":
            return _index(request, self._routes.prefixes)
        detail = "No route covers this path; `routes` lists the prefixes."
        return request.refuse(HTTPStatus.NOT_FOUND, detail, routes=self._routes.prefixes)

    async def _forwarded(self, request: Request, prefix: str, limit: ConcurrencyLimit | None) -> Answer:
        began = time.monotonic()
        try:
            if not self._tracing:
                return await self._sent(request, prefix, request.trace_parent)
            with _span(request, prefix) as span:
                answer = await self._sent(request, prefix, traceparent_of(span) or request.trace_parent)
                span.set_attribute("http.response.status_code", answer.status)
                if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    span.set_status(StatusCode.ERROR)
            return answer
        finally:
            if limit is not None:
                limit.leave(time.monotonic() - began)

    async def _sent(self, request: Request, prefix: str, trace_parent: str) -> Answer:
        upstream = self._upstreams[prefix]
        is_head = request.method == "HEAD"
        headers = self._forwarding.for_upstream(request.headers, request.client, request.host)
        message = _message(request, upstream, headers, trace_parent)
        try:
            async with asyncio.timeout(self.total_timeout):
                response = await upstream.send(message, to_head=is_head, repeatable=_is_repeatable(request))
        except (UnreachableError, BrokenError, TimeoutError) as error:
            request.trace_parent = trace_parent
            reason = str(error) or type(error).__name__
            logger.warning("%s %s failed: %s (trace %s)", request.method, upstream.url, reason, request.trace_id)
            return _failure(error, request)
        return _returned(response, is_head=is_head)


def _refusal(request: Request) -> Answer | None:
    """The answer to a request that is not even looked up; None: there is nothing to refuse."""
    try:
        _ = request.host
    except InvalidHostError as error:
        return request.refuse(HTTPStatus.BAD_REQUEST, str(error), closes=True)
    if len(request.target) > REQUEST_TARGET_LIMIT_BYTES:
        detail = f"A path with its query may have at most {REQUEST_TARGET_LIMIT_BYTES} bytes."
        path = request.path[:SHOWN_PATH_LENGTH]
        return problem(HTTPStatus.REQUEST_URI_TOO_LONG, detail, path, traceId=request.trace_id)
    if sum(len(name) + len(value) for name, value in request.headers) > HEADERS_LIMIT_BYTES:
        detail = f"The headers together may have at most {HEADERS_LIMIT_BYTES} bytes."
        return request.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    if not request.path.startswith("/") or "#" in request.target:
        detail = "The request target must be a path with an optional query, or a URL without a fragment."
        return request.refuse(HTTPStatus.BAD_REQUEST, detail)
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
    span = begin_span(f"{request.method} {prefix}", SpanKind.SERVER, request.sent_trace_parent, attributes)
    try:
        yield span
    finally:
        span.end()


def _is_repeatable(request: Request) -> bool:
    """Whether the app may get it twice.

    RFC 9110 §9.2.2 calls PUT and DELETE idempotent too, but the second answer may differ: 404 instead of 204.
    """
    return request.method in ("GET", "HEAD") or (request.method == "POST" and bool(request.header(IDEMPOTENCY_KEY)))


def _message(request: Request, upstream: Upstream, headers: Headers, trace_parent: str) -> bytes:
    """The request as it goes to the upstream, in HTTP/1.1. `headers`: those that are forwarded."""
    lines = [
        b"%b %b%b HTTP/1.1" % (request.method.encode("ascii"), upstream.base_path, request.target.encode("latin-1")),
        b"Host: " + upstream.address,
    ]
    lines += [b"%b: %b" % header for header in headers]
    lines.append(b"traceparent: " + trace_parent.encode("latin-1"))
    if request.body or request.method not in WITHOUT_BODY:
        lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join([*lines, b"", request.body])


def _returned(response: Response, *, is_head: bool) -> Answer:
    """The upstream's response as it goes to the client. A body has a length, even if it came in chunks."""
    headers = for_client(response.headers)
    # Without a body, the length is that of the response to GET, which only the upstream knows.
    is_bodiless = is_head or response.status in (NO_CONTENT, NOT_MODIFIED)
    length = response.length if is_bodiless else b"%d" % len(response.body)
    if length is not None:
        headers.append((b"content-length", length))
    return Answer(response.status, response.body, headers)


def _failure(error: Exception, request: Request) -> Answer:
    if isinstance(error, UnreachableError):
        return request.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The service behind this path is not running.")
    if isinstance(error, TimeoutError):
        return request.refuse(HTTPStatus.GATEWAY_TIMEOUT, "The service behind this path did not answer in time.")
    detail = "The service behind this path closed the connection before it answered."
    return request.refuse(HTTPStatus.BAD_GATEWAY, detail)
