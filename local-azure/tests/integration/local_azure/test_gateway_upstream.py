"""The connections to an upstream, step by step: what arrives on an idle one is known before anything is sent on it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from local_azure.gateway.upstream import Upstream
from local_azure.gateway.upstream_connection import BrokenError, Response

DEADLINE_SECONDS = 60.0
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


class Peer:
    """The other side: it does only what a test says, and nothing while the test does not wait."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.upstream = Upstream(f"http://127.0.0.1:{self._listener.getsockname()[1]}", retry_seconds=0.1)
        self.connections: list[socket.socket] = []

    async def accept(self) -> socket.socket:
        connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        self.connections.append(connection)
        return connection

    async def answer(self, connection: socket.socket, response: bytes) -> None:
        """Once there is a request."""
        assert await asyncio.get_running_loop().sock_recv(connection, len(REQUEST)) == REQUEST
        connection.sendall(response)

    def close(self) -> None:
        for connection in (self._listener, *self.connections):
            connection.close()


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    server = Peer()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield server
    finally:
        server.upstream.close_idle()
        server.close()


def response_of(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def sending(upstream: Upstream, *, to_head: bool = False) -> asyncio.Task[Response]:
    return asyncio.create_task(upstream.send(REQUEST, to_head=to_head, repeatable=False))


async def answered(server: Peer, response: bytes, *, to_head: bool = False) -> tuple[Response, socket.socket]:
    """The response to a request on a new connection, which is idle afterwards."""
    coming = sending(server.upstream, to_head=to_head)
    connection = await server.accept()
    await server.answer(connection, response)
    return await coming, connection


async def test_a_connection_is_used_again() -> None:
    async with peer() as server:
        first, connection = await answered(server, response_of("one"))
        coming = sending(server.upstream)
        await server.answer(connection, response_of("two"))

        assert (first.body, (await coming).body) == (b"one", b"two")
        assert len(server.connections) == 1


@pytest.mark.parametrize("how", ["closed", "reset", "stray answer"])
async def test_nothing_is_sent_on_an_idle_connection_on_which_something_has_just_arrived(how: str) -> None:
    async with peer() as server:
        _, connection = await answered(server, response_of("one"))
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if how == "stray answer":
            connection.sendall(response_of("stray"))
        else:
            connection.close()
        # The event loop has not run since.
        coming = sending(server.upstream)
        await server.answer(await server.accept(), response_of("two"))

        assert (await coming).body == b"two"


@pytest.mark.parametrize(
    "response",
    [
        response_of("one") + response_of("stray"),
        response_of("one") + b"x",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
    ],
)
async def test_a_connection_is_not_used_again_if_its_answers_could_be_mistaken(response: bytes) -> None:
    async with peer() as server:
        first, _ = await answered(server, response)
        coming = sending(server.upstream)
        await server.answer(await server.accept(), response_of("two"))

        assert (first.body, (await coming).body) == (b"one", b"two")


async def test_the_response_to_head_has_no_body_whatever_it_says() -> None:
    async with peer() as server:
        first, connection = await answered(server, response_of("1234567")[:-7], to_head=True)
        coming = sending(server.upstream)
        await server.answer(connection, response_of("two"))

        assert (first.body, first.length, (await coming).body) == (b"", b"7", b"two")


async def test_a_body_after_the_response_to_head_is_not_taken_for_the_next_response() -> None:
    async with peer() as server:
        first, _ = await answered(server, response_of("HTTP/1.1 200 OK\r\n\r\n"), to_head=True)
        coming = sending(server.upstream)
        await server.answer(await server.accept(), response_of("two"))

        assert (first.body, (await coming).body) == (b"", b"two")


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n",
    ],
)
async def test_interim_responses_are_passed_over(interim: bytes) -> None:
    async with peer() as server:
        response, _ = await answered(server, interim + response_of("one"))

        assert (response.status, response.headers, response.body) == (200, [], b"one")


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nX-Trailer: 1\r\n\r\n",
            b"abc",
        ),
    ],
)
async def test_the_end_of_a_body_is_found_however_it_is_marked(response: bytes, body: bytes) -> None:
    async with peer() as server:
        coming = sending(server.upstream)
        connection = await server.accept()
        await server.answer(connection, response)
        connection.shutdown(socket.SHUT_WR)

        assert (await coming).body == body
        assert (await coming).headers == []


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\none\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\none",
        CHUNKED + b"3\r\none\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 999 Nonsense\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
async def test_half_an_answer_is_none(response: bytes) -> None:
    async with peer() as server:
        coming = sending(server.upstream)
        connection = await server.accept()
        await server.answer(connection, response)
        connection.shutdown(socket.SHUT_WR)

        with pytest.raises(BrokenError):
            await coming


async def test_after_a_request_was_given_up_its_answer_is_not_that_of_the_next() -> None:
    async with peer() as server:
        coming = sending(server.upstream)
        connection = await server.accept()
        await server.answer(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n")
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        with suppress(ConnectionError):
            connection.sendall(b"\r\nlate")
        after = sending(server.upstream)
        await server.answer(await server.accept(), response_of("two"))

        assert (await after).body == b"two"
