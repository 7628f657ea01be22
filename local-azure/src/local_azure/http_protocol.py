"""HTTP/1.1 for the ASGI applications of the local Azure: uvicorn's, with the host of each request and a polite end."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local_azure.request_host import origin_form, read_host

# An idle connection of a server that ends stays open this long. Clients whose pools close theirs earlier never send a
# request just as the server closes.
LINGER_SECONDS = 3

_TARGET = "local_azure.request_target"
_CONTINUE = b"HTTP/1.1 100 "


class HeadWithBody:
    """The transport of one response that has a body, perhaps an empty one: its head is sent together with that.

    uvicorn writes one after the other, and uvloop sends each at once: a system call more here, and one in the client.
    ASGI wants a head to wait for its body.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = b""

    def write(self, written: bytes) -> None:
        if self._head is None or written.startswith(_CONTINUE):
            self._transport.write(written)
        elif self._head:
            self._transport.write(self._head + written)
            self._head = None
        else:
            self._head = written

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also keeps the request target as sent: a whole URL names a host too."""

    _draining = False

    def on_headers_complete(self) -> None:
        self.scope["extensions"] = {_TARGET: {"target": self.url}}
        self.url = origin_form(self.url)
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":
            # Of the transport, uvicorn's cycle uses what HeadWithBody has.
            self.cycle.transport = HeadWithBody(self.transport)  # type: ignore[assignment]
        if self._draining:
            self.cycle.keep_alive = False

    def drain(self) -> None:
        """Closes the connection after the next response, which says so (RFC 9112 §9.6), or once idle for a while."""
        if self._draining:
            return
        self._draining = True
        # Where a response has begun without saying so, the one after it will.
        self.timeout_keep_alive = LINGER_SECONDS
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.response_started:
                self.cycle.keep_alive = False
            return
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        self.timeout_keep_alive_task = asyncio.get_running_loop().call_later(
            LINGER_SECONDS, self.timeout_keep_alive_handler
        )


def host_of(scope: MutableMapping[str, Any]) -> str:
    """The host of an ASGI request; without a Host in HTTP/1.0, the address of the server. Raises InvalidHostError."""
    target = scope.get("extensions", {}).get(_TARGET, {}).get("target", b"/")
    hosts = (value for name, value in scope["headers"] if name == b"host")
    host = read_host(scope["http_version"], target, hosts)
    if host is None:
        address, port = scope["server"]
        return f"{address}:{port}"
    return host
