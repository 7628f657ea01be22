"""A connection to the server under load, as cheap as Python allows: a protocol, a C parser, and a callback."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httptools

HTTP_OK = range(200, 300)
_CAUSE = re.compile(r"\(([^()]+)\)")

TEXT_LIMIT = 80  # characters of what a refusal says: enough to tell refusals apart


@dataclass(frozen=True, slots=True)
class Reply:
    """`kind`: as in Answer; `retry_after`: None where nothing was refused, "" where the header is missing."""

    kind: str
    retry_after: str | None = None


type Done = Callable[[Reply], None]

REFUSED = Reply("connection refused")
LOST = Reply("connection lost")
LATE = Reply("no answer in time")
UNREADABLE = Reply("unreadable answer")


class Connection(asyncio.Protocol):
    """One call at a time. `send` reports each by a callback, exactly once."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._done: Done | None = None
        self._sent_at = 0.0
        self._retry_after = ""
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)

    @property
    def usable(self) -> bool:
        """Whether another call may be sent: it is open, and the server has not announced that it closes it."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, done: Done) -> None:
        if self._transport is None:
            raise RuntimeError("the connection is not open")
        self._done, self._sent_at = done, time.perf_counter()
        self._transport.write(request)

    def give_up_after(self, seconds: float) -> None:
        """Ends the call that has waited longer than this, if there is one, and the connection with it."""
        if self._done and time.perf_counter() - self._sent_at > seconds:
            self._finish(LATE)
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream, it is asyncio.Transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._finish(UNREADABLE)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(LOST)

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == len("retry-after") and name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        if self._parser.get_status_code() not in HTTP_OK:
            self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status in HTTP_OK:
            reply = Reply(str(status))
        else:
            reply = Reply(f"{status} {_reason(status, self._body)}".rstrip(), self._retry_after)
        self._retry_after, self._body = "", b""
        if not self._parser.should_keep_alive():
            self.close()
        self._finish(reply)

    def _finish(self, reply: Reply) -> None:
        done, self._done = self._done, None
        if done:
            done(reply)


def _reason(status: int, body: bytes) -> str:
    """What a problem document says in detail (RFC 9457 §3.1), or only the cause that it has in brackets.

    Without one: the usual phrase of the status.
    """
    try:
        document = json.loads(body)
        detail = str(document.get("detail") or document["title"])
    except (ValueError, LookupError, AttributeError, TypeError):
        return HTTPStatus(status).phrase if status in HTTPStatus else ""
    cause = _CAUSE.search(detail)
    return cause[1] if cause else detail[:TEXT_LIMIT].rstrip(".")
