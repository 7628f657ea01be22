"""The HTTP server: what it sends at once; and its end, where every connection that it has accepted gets its answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from local_azure import http_protocol
from local_azure.http_protocol import HttpProtocol
from local_azure.http_server import HttpServer
from local_azure.listening import HOST, listening_socket

LINGER_SECONDS = 1
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Served:
    """A server whose application answers once `answering` is set. `port`: where it listens."""

    def __init__(self) -> None:
        self.answering = asyncio.Event()
        self.answering.set()
        self.called = asyncio.Event()
        self.server = HttpServer(self._application, keep_alive=60)
        listener = listening_socket(0)
        self.port = listener.getsockname()[1]
        self.serving = asyncio.create_task(self.server.serve_on(listener))

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.called.set()
        if scope["path"] == "/in-pieces":
            await self._in_pieces(receive, send)
            return
        await self.answering.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _in_pieces(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        await send({"type": "http.response.body", "body": b"k"})

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port)


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", LINGER_SECONDS)
    served = Served()
    await served.server.ready.wait()
    yield served
    served.server.hurry()
    await served.serving


async def answer(reader: asyncio.StreamReader) -> str:
    """The head of the next response."""
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"ok"
    return head.decode().lower()


@asynccontextmanager
async def taking(least: float, most: float) -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    assert least <= time.monotonic() - began <= most


async def test_an_open_connection_ends_with_its_next_response_which_says_so(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(REQUEST)
    assert "connection: close" not in await answer(reader)

    served.server.drain()
    await asyncio.sleep(0.3)
    writer.write(REQUEST)

    assert "connection: close" in await answer(reader)
    assert await reader.read() == b""
    await served.serving


async def test_a_running_call_is_answered_and_no_more_are_accepted(served: Served) -> None:
    served.answering.clear()
    reader, writer = await served.connect()
    writer.write(REQUEST)
    await served.called.wait()

    served.server.drain()
    await asyncio.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        await served.connect()
    served.answering.set()

    assert "connection: close" in await answer(reader)
    await served.serving


@pytest.mark.parametrize("used", [True, False])
async def test_an_idle_connection_stays_open_for_a_while(served: Served, used: bool) -> None:
    reader, writer = await served.connect()
    if used:
        writer.write(REQUEST)
        await answer(reader)
    else:
        await asyncio.sleep(0.1)

    async with taking(LINGER_SECONDS, LINGER_SECONDS + 2):
        served.server.drain()
        assert await reader.read() == b""
        await served.serving


async def test_in_a_hurry_idle_connections_are_closed_at_once(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(REQUEST)
    await answer(reader)
    served.server.drain()
    await asyncio.sleep(0.2)

    async with taking(0, LINGER_SECONDS * 0.7):
        served.server.hurry()
        assert await reader.read() == b""
        await served.serving


class Recording:
    """A transport, and what is written to it."""

    def __init__(self, transport: asyncio.Transport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def write(self, content: bytes) -> None:
        self._written.append(content)
        self._transport.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the server writes, one entry for each call of its transport."""
    written: list[bytes] = []
    connected = HttpProtocol.connection_made

    def connection_made(protocol: HttpProtocol, transport: asyncio.Transport) -> None:
        connected(protocol, Recording(transport, written))  # type: ignore[arg-type]

    monkeypatch.setattr(HttpProtocol, "connection_made", connection_made)
    return written


async def response(served: Served, request: bytes) -> bytes:
    """All that the server answers on a connection that ends then."""
    reader, writer = await served.connect()
    writer.write(request)
    async with asyncio.timeout(30):
        return await reader.read()


async def test_head_and_body_are_sent_at_once(written: list[bytes], served: Served) -> None:
    answer = await response(served, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"\r\n\r\nok")
    assert written == [answer]


async def test_the_head_of_a_response_in_pieces_comes_with_the_first(written: list[bytes], served: Served) -> None:
    answer = await response(
        served,
        b"POST /in-pieces HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
        b"Connection: close\r\n\r\nx",
    )

    to_continue, first, rest = written
    assert to_continue == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert first.startswith(b"HTTP/1.1 200 ")
    assert first.endswith(b"\r\n\r\n1\r\no\r\n")
    assert answer == to_continue + first + rest
    assert rest == b"1\r\nk\r\n0\r\n\r\n"


async def test_the_answer_to_head_does_not_wait_for_a_body(served: Served) -> None:
    answer = await response(served, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
