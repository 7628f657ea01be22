"""A client's connection: HTTP/1.1 as a server (RFC 9112)."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol

import httptools

from local_azure.gateway.answers import Answer, rendered
from local_azure.gateway.headers import Headers
from local_azure.gateway.requests import Request

BODY_LIMIT_BYTES = 1024 * 1024
# For a head that does not end. A whole one is measured exactly, by the gateway.
ENDLESS_HEAD_BYTES = 64 * 1024
# As in Kestrel. With 5 s, connections are often closed just when a client reuses them.
KEEP_ALIVE_SECONDS = 130.0
# Time to read a refusal while still sending: the kernel throws away what a client has not read if more arrives on a
# connection that is closed (RFC 9112 §9.6).
LINGER_SECONDS = 2.0

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

logger = logging.getLogger(__name__)


class Owner(Protocol):
    """The server of a connection. `draining`: the process is about to end, so each answer is the last one."""

    draining: bool

    def answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]: ...
    def opened(self, connection: "ClientConnection") -> None: ...
    def closed(self, connection: "ClientConnection") -> None: ...


class ClientConnection(asyncio.Protocol):
    """Requests are answered one at a time, in the order in which they came, each once its body is complete."""

    _transport: asyncio.Transport  # set before anything else happens
    _client: str
    _server: str
    _request: Request | None  # once its head is complete

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._refusal: tuple[Request, Answer] | None = None
        self._ignoring = False
        self._half_closed = False
        self._reading_paused = False
        self._writing_paused = False
        self._receiving = False
        self._changed_at = loop.time()
        self._begin_request()

    # Called by the server.

    @property
    def is_idle(self) -> bool:
        """No request is being received or answered."""
        return not (self._receiving or self._waiting or self._answering)

    def look_back(self, request_seconds: float) -> None:
        """Ends what has lasted too long. `request_seconds`: how long receiving a request may take."""
        age = self._loop.time() - self._changed_at
        if self._ignoring:
            if age > LINGER_SECONDS and self._answering is None:
                self._transport.close()
        elif self.is_idle:
            if age > KEEP_ALIVE_SECONDS:
                self._transport.close()
        elif not self._waiting and self._answering is None and age > request_seconds:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request was not complete in time.")

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        """Ends it whatever is under way."""
        if self._answering is not None:
            self._answering.cancel()
        self._transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as every TCP connection
        self._transport = transport
        self._client = str(transport.get_extra_info("peername")[0])
        address, port = transport.get_extra_info("sockname")[:2]
        self._server = f"{address}:{port}"
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._ignoring:
            return
        before = self._headers
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "This is not a valid HTTP/1.1 request.")
        except httptools.HttpParserUpgrade:
            # The request is answered in HTTP/1.1, but the parser cannot go on.
            self._ignoring = True
        if self._receiving and self._in_head and self._headers is before:  # it is all of one head
            self._head_bytes += len(data)
            if self._head_bytes > ENDLESS_HEAD_BYTES:
                detail = f"Request line and headers together may have at most {ENDLESS_HEAD_BYTES} bytes."
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def eof_received(self) -> bool:
        """False closes the connection. A client that has sent all may still wait for its answers."""
        self._ignoring = self._half_closed = True
        return bool(self._waiting or self._answering)

    def connection_lost(self, error: Exception | None) -> None:
        # What has been forwarded goes on to its end: it cannot be taken back.
        self._ignoring = True
        self._receiving = False
        self._waiting.clear()
        self._refusal = None
        self._owner.closed(self)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._answer_next()

    # Called by httptools, which goes on to the end of what has arrived.

    def on_message_begin(self) -> None:
        if not self._ignoring:
            self._receiving = True
            self._changed_at = self._loop.time()
            self._begin_request()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # and not in the trailer section of a chunked body
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._ignoring:
            return
        self._in_head = False
        version = self._parser.get_http_version()
        self._request = self._request_of(version, keep_alive=version == "1.1" and self._parser.should_keep_alive())
        length = int(self._request.header(b"content-length") or 0)
        coding = self._request.header(b"transfer-encoding").lower()
        if version not in ("1.0", "1.1"):
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Only HTTP/1.1 and HTTP/1.0 are supported.")
        elif coding and (coding != "chunked" or version == "1.0"):
            # RFC 9112 §6.1: whoever guessed where such a body ends would let requests be smuggled in.
            self._refuse(HTTPStatus.NOT_IMPLEMENTED, "Only the transfer coding chunked is supported, in HTTP/1.1.")
        elif length > BODY_LIMIT_BYTES:
            self._refuse_body()
        elif self._parser.should_upgrade():
            # The parser takes what follows for another protocol, a body too.
            if self._request.method == "CONNECT" or length or coding:
                self._refuse(HTTPStatus.NOT_IMPLEMENTED, "Only HTTP/1.1 is supported, without upgrade or tunnel.")
            self._request.keep_alive = False
        elif (length or coding) and self._request.header(b"expect").lower() == "100-continue":
            self._expects_continue = True
            self._continue()

    def on_body(self, body: bytes) -> None:
        if self._ignoring:
            return
        self._body += body
        if len(self._body) > BODY_LIMIT_BYTES:
            self._refuse_body()

    def on_message_complete(self) -> None:
        if self._ignoring or self._request is None:
            return
        self._receiving = False
        self._request.body = bytes(self._body)
        self._waiting.append(self._request)
        self._answer_next()
        if self._waiting and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    # What follows from all this.

    def _begin_request(self) -> None:
        self._target = b""
        self._headers: Headers = []
        self._request = None
        self._in_head = True
        self._head_bytes = 0
        self._body = bytearray()
        self._expects_continue = False

    def _request_of(self, version: str, *, keep_alive: bool) -> Request:
        method = self._parser.get_method().decode("ascii")
        return Request(method, self._target, version, self._headers, self._client, self._server, keep_alive)

    def _continue(self) -> None:
        """Asks for the body, unless an answer to an earlier request has to come first."""
        if self._expects_continue and not self._waiting and self._answering is None:
            self._expects_continue = False
            if not self._body:
                self._transport.write(CONTINUE)

    def _answer_next(self) -> None:
        while self._waiting and self._answering is None and not self._writing_paused:
            request = self._waiting.popleft()
            answer = self._owner.answer(request)
            if isinstance(answer, Answer):
                self._send(request, answer)
            else:
                self._answering = self._loop.create_task(self._send_once_known(request, answer))
        if self._waiting or self._answering is not None:
            return
        if self._refusal is not None:
            self._send_refusal(*self._refusal)
            return
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        self._continue()

    async def _send_once_known(self, request: Request, coming: Coroutine[Any, Any, Answer]) -> None:
        try:
            answer = await coming
        except Exception:
            logger.exception("a request failed (trace %s)", request.trace_id)
            answer = request.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "The gateway failed; its log says why.")
        self._answering = None
        self._send(request, answer)
        self._answer_next()

    def _send(self, request: Request, answer: Answer) -> None:
        if self._transport.is_closing():
            return
        is_last = self._half_closed and not self._waiting
        closes = answer.closes or is_last or self._owner.draining or not request.keep_alive
        self._transport.write(rendered(answer, to_head=request.method == "HEAD", closes=closes))
        self._changed_at = self._loop.time()
        if closes:
            self._ignoring = True
            self._waiting.clear()
            self._refusal = None
            self._transport.close()

    def _refuse_body(self) -> None:
        self._refuse(HTTPStatus.CONTENT_TOO_LARGE, f"A body may have at most {BODY_LIMIT_BYTES} bytes.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answers the request that is being received, after those before it, and reads no other."""
        if self._ignoring:
            return
        request = self._request or self._request_of("1.1", keep_alive=False)
        self._ignoring = True
        self._receiving = False
        self._refusal = (request, request.refuse(status, detail))
        self._answer_next()

    def _send_refusal(self, request: Request, answer: Answer) -> None:
        self._refusal = None
        if self._transport.is_closing():
            return
        self._transport.write(rendered(answer, to_head=request.method == "HEAD", closes=True))
        self._changed_at = self._loop.time()
        if self._half_closed:
            self._transport.close()
        else:
            self._transport.write_eof()
