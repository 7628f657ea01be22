"""One HTTP/1.1 connection: parsed by httptools, answered in the order of the requests."""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import lru_cache

import httptools

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_REQUEST_BYTES
from local_azure.cosmos.wire.group_commit import GroupCommit
from local_azure.cosmos.wire.messages import Request, Response, error_response, render
from local_azure.cosmos.wire.slices import Slices, Work
from local_azure.request_host import InvalidHostError, origin_form, read_host

_log = logging.getLogger(__name__)

type Application = Callable[[Request], Response | Work]
"""Answers a request, without blocking, or says how. Raises CosmosError, as the work may."""


@lru_cache(maxsize=256)
def _header_name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


class HttpProtocol(asyncio.Protocol):
    """Not an ASGI server with a framework, because that would double the CPU time of a request."""

    def __init__(
        self, application: Application, commits: GroupCommit, slices: Slices, connections: set[asyncio.Transport]
    ) -> None:
        self._application = application
        self._commits = commits
        self._slices = slices
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._hosts: list[bytes] = []
        self._body: list[bytes] = []
        self._size = 0
        self._work: Work | None = None
        self._following: deque[tuple[Request, bool]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol always gets a Transport
        self._connections.add(transport)  # type: ignore[arg-type]  # the same

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)
            self._transport = None
        self._following.clear()
        if self._work is not None:
            self._work.close()
            self._work = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            _log.exception("a request could not be answered")
            self._close()
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._close()

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        self._hosts = []
        self._body = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = _header_name(name)
        self._headers[lower] = value.decode("latin-1")
        if lower == "host":
            self._hosts.append(value)

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= MAX_REQUEST_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        keep_alive = self._parser.should_keep_alive()
        method = self._parser.get_method().decode("ascii")
        try:
            read_host(self._parser.get_http_version(), self._url, self._hosts)
        except InvalidHostError as error:
            response, keep_alive = error_response(errors.bad_request(str(error))), False
            self._body = []
            self._answer(response, method, keep_alive=keep_alive)
            return
        self._slices.request_came()
        target = origin_form(self._url).decode("latin-1")
        request = Request(method, target, self._headers, b"".join(self._body))
        self._body = []
        if self._work is None:
            self._begin(request, keep_alive=keep_alive)
        else:  # the next one is answered after this one (RFC 9112 §9.3.2)
            self._following.append((request, keep_alive))

    def _begin(self, request: Request, *, keep_alive: bool) -> None:
        """The first slice is done at once: most requests need no other."""
        response = self._attempt(lambda: self._application(request), request.method)
        if isinstance(response, Response):
            self._answer(response, request.method, keep_alive=keep_alive)
            return
        self._work = response
        if self._step(request.method, keep_alive=keep_alive):
            if self._transport is not None:
                self._transport.pause_reading()
            self._slices.add(lambda: self._step(request.method, keep_alive=keep_alive))

    def _step(self, method: str, *, keep_alive: bool) -> bool:
        """Returns whether the work goes on."""
        work = self._work
        if work is None:  # the client has gone
            return False
        response = self._attempt(lambda: _next_slice(work), method)
        if response is None:
            return True
        self._work = None
        self._answer(response, method, keep_alive=keep_alive)
        if self._transport is not None:
            self._transport.resume_reading()
        while self._following and self._work is None:
            request, keep_alive = self._following.popleft()
            self._begin(request, keep_alive=keep_alive)
        return False

    def _answer(self, response: Response, method: str, *, keep_alive: bool) -> None:
        rendered = render(response, method, keep_alive=keep_alive)
        self._commits.answer(self._send if keep_alive else self._send_and_close, rendered)

    def _attempt[Result](self, act: Callable[[], Result], method: str) -> Result | Response:
        if self._size > MAX_REQUEST_BYTES:
            return error_response(errors.request_too_large())
        try:
            return act()
        except errors.CosmosError as error:
            return error_response(error)
        except sqlite3.Error:
            _log.exception("the database failed in %s", method)
            self._commits.roll_back()
        except Exception:
            _log.exception("%s failed", method)
        return error_response(errors.internal_server_error())

    def _send(self, response: bytes) -> None:
        """Writes the response. An empty one closes the connection: the request failed, and no response is correct."""
        if self._transport is not None and response:
            self._transport.write(response)
        else:
            self._close()

    def _send_and_close(self, response: bytes) -> None:
        self._send(response)
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _next_slice(work: Work) -> Response | None:
    """The response, if that was the last slice."""
    try:
        next(work)
    except StopIteration as finished:
        response: Response = finished.value
        return response
    return None
