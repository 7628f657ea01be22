"""A connection to an upstream: HTTP/1.1 as a client, one exchange at a time (RFC 9112)."""

import asyncio
import select
from dataclasses import dataclass

import httptools

from local_azure.gateway.headers import Headers

LOWEST_STATUS = 200  # below are interim responses, which are passed over (RFC 9110 §15.2)
HIGHEST_STATUS = 599
NO_CONTENT = 204
NOT_MODIFIED = 304


class BrokenError(Exception):
    """A request was sent, at least in part, but no whole response came. The message says what happened."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, without its framing. Names in `headers` are in lower case.

    `length`: for HEAD and 304, the Content-Length that the response to GET would have, if the upstream gave it.
    """

    status: int
    headers: Headers
    body: bytes
    length: bytes | None


class UpstreamConnection(asyncio.Protocol):
    """Call `exchange` while it is `usable`.

    `usable`: no exchange is under way, the last one ended as it should, and neither side has closed the connection.
    """

    _transport: asyncio.Transport  # set before anybody gets the connection

    def __init__(self) -> None:
        self.usable = True
        self.idle_since = 0.0
        self._poll = select.poll()
        self._parser = httptools.HttpResponseParser(self)
        self._answered: asyncio.Future[Response] | None = None
        self._to_head = False
        self._begin_response()

    async def exchange(self, message: bytes, *, to_head: bool) -> Response:
        """Sends a request and returns the response. Raises BrokenError. `to_head`: the method is HEAD."""
        self.usable = False
        self._to_head = to_head
        self._answered = asyncio.get_running_loop().create_future()
        self._begin_response()
        self._transport.write(message)
        try:
            return await self._answered
        except BaseException:
            # The rest of the response may still come, and must not be taken for the next one.
            self.close()
            raise
        finally:
            self._answered = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has arrived on an idle connection: neither its end nor an answer that nobody asked for.

        The kernel knows of an end before the event loop reports it.
        """
        return self.usable and not self._poll.poll(0)

    def close(self) -> None:
        self.usable = False
        self._transport.close()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as every TCP connection
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if not self._is_awaited:
            # Taken as the beginning of the next answer, it would give a client the answer to another's request.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break("it did not answer with HTTP/1.1")
        if self._to_head and not self._is_awaited:
            # The old one expects the body whose length the head gave.
            self._parser = httptools.HttpResponseParser(self)

    def eof_received(self) -> None:
        if self._until_end:
            self._complete(reusable=False)
        self._break("it closed the connection before its answer was complete")

    def connection_lost(self, error: Exception | None) -> None:
        self._break("it closed the connection before its answer was complete")

    # Called by httptools. What they raise, feed_data raises as an HttpParserError.

    def on_message_begin(self) -> None:
        if not self._is_awaited:
            raise ValueError("a second response")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # and not in the trailer section of a chunked body
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        status = self._parser.get_status_code()
        if status < LOWEST_STATUS:
            return
        if status > HIGHEST_STATUS:
            raise ValueError("an invalid status")
        is_chunked = self._take_framing_headers()
        if self._to_head:
            self._complete(reusable=self._parser.should_keep_alive())
        elif self._length is None and not is_chunked and status not in (NO_CONTENT, NOT_MODIFIED):
            self._until_end = True

    def on_body(self, body: bytes) -> None:
        if not self._is_awaited:
            raise ValueError("a body after the response to HEAD")
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < LOWEST_STATUS:
            self._begin_response()
        else:
            self._complete(reusable=self._parser.should_keep_alive())

    @property
    def _is_awaited(self) -> bool:
        return self._answered is not None and not self._answered.done()

    def _begin_response(self) -> None:
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._length: bytes | None = None
        self._in_head = True
        self._until_end = False

    def _take_framing_headers(self) -> bool:
        """Takes them out of the headers, and returns whether the body is chunked. The parser has checked the rest."""
        headers, is_chunked = [], False
        for header in self._headers:
            name, value = header
            if name == b"content-length":
                self._length = value
            elif name == b"transfer-encoding":
                # Nobody asked for another coding; it would reach the client as if it were content.
                if is_chunked or value.lower() != b"chunked":
                    raise ValueError("a transfer coding other than chunked")
                is_chunked = True
            else:
                headers.append(header)
        self._headers = headers
        return is_chunked

    def _complete(self, *, reusable: bool) -> None:
        if self._answered is None or self._answered.done():
            return
        status = self._parser.get_status_code()
        length = self._length if self._to_head or status == NOT_MODIFIED else None
        self._answered.set_result(Response(status, self._headers, b"".join(self._body), length))
        # Who answers before the request has arrived may not read the rest of it.
        self.usable = reusable and not self._transport.get_write_buffer_size()
        if not self.usable:
            self._transport.close()

    def _break(self, reason: str) -> None:
        self.close()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(BrokenError(reason))
