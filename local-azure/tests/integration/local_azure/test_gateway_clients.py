"""HTTP/1.1 with clients, byte by byte: where a request ends, the order of answers, and when a connection ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from local_azure.configuration import GatewaySection
from tests.integration.local_azure.servers import SETTINGS, gateway_to, upstream_that
from tests.integration.local_azure.test_gateway_refusing import read_request

DEADLINE_SECONDS = 60.0
HOST = b"Host: a.example\r\n"
GET = b"GET /customers HTTP/1.1\r\n" + HOST + b"\r\n"


class Exchanges:
    """A client's connection, and what has reached the app."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[bytes]) -> None:
        self.reader = reader
        self.writer = writer
        self.received = received

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """The next response but to HEAD: status, headers and body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def exchanges(settings: GatewaySection = SETTINGS) -> AsyncIterator[Exchanges]:
    """The app answers with method, target and length of the body, after `?wait` only half a second later."""
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                request = await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            received.append(request)
            head, _, body = request.partition(b"\r\n\r\n")
            method, target = head.split()[:2]
            if b"wait" in target:
                await asyncio.sleep(0.5)
            content = b"%b %b %d" % (method, target, len(body))
            if b"large" in target:
                content += b"." * 1024 * 1024
            length = b"Content-Length: %d" % len(content)
            writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (length, content if method != b"HEAD" else b""))

    async with upstream_that(answer) as upstream, gateway_to(upstream, settings) as gateway:
        async with asyncio.timeout(DEADLINE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(gateway).port)
            try:
                yield Exchanges(reader, writer, received)
            finally:
                writer.close()


def post(body: bytes, *lines: bytes, target: bytes = b"/customers") -> bytes:
    return b"\r\n".join([b"POST %b HTTP/1.1" % target, HOST[:-2], *lines, b"", body])


async def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    async with exchanges() as client:
        slow = GET.replace(b"customers", b"customers?wait")
        unknown = GET.replace(b"customers", b"unknown")
        client.writer.write(slow + unknown + post(b"body", b"Content-Length: 4") + GET)

        answers = [await client.response() for _ in range(4)]

    assert [status for status, _, _ in answers] == [200, 404, 200, 200]
    bodies = [body for _, _, body in answers]
    assert (bodies[0], bodies[2:]) == (b"GET /customers?wait 0", [b"POST /customers 4", b"GET /customers 0"])


async def test_thousands_of_requests_sent_at_once_are_answered() -> None:
    async with exchanges() as client:
        client.writer.write(GET * 3000)

        answers = [await client.response() for _ in range(3000)]

    assert {body for _, _, body in answers} == {b"GET /customers 0"}


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    """Otherwise its answers would fill the memory."""
    async with exchanges() as client:
        large = GET.replace(b"customers", b"customers?large")
        client.writer.write(large * 100)
        await asyncio.sleep(1)

        assert len(client.received) < 50

        for _ in range(100):
            await client.response()


async def test_a_client_that_has_sent_all_still_gets_its_answers() -> None:
    async with exchanges() as client:
        client.writer.write(GET.replace(b"customers", b"customers?wait") + GET)
        client.writer.write_eof()

        bodies = [(await client.response())[2] for _ in range(2)]

        assert bodies == [b"GET /customers?wait 0", b"GET /customers 0"]
        assert await client.is_closed()


async def test_half_a_request_reaches_nobody() -> None:
    async with exchanges() as client:
        client.writer.write(post(b"half", b"Content-Length: 8"))
        client.writer.write_eof()

        assert await client.is_closed()
        assert client.received == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"0\r\n\r\nGET /customers/2 HTTP/1.1\r\n\r\n", b"Content-Length: 30", b"Transfer-Encoding: chunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        post(b"abc", b"Content-Length: 3", b"Content-Length: 3"),
        post(b"abc", b"Content-Length: 3, 3"),
        post(b"abc", b"Content-Length: +3"),
        post(b"abc", b"Content-Length: 0x3"),
        post(b"abc", b"Content-Length : 3"),
        post(b"0\r\n\r\n", b"Transfer-Encoding : chunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: xchunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding:\x0bchunked"),
        post(b"x\r\n\r\n", b"Transfer-Encoding: chunked"),
        post(b"3\r\nabcd\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        post(b"3\nabc\n0\n\n", b"Transfer-Encoding: chunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"abc", b"X: y", b" Content-Length: 3"),
        post(b"abc", b"X: y\rContent-Length: 3"),
        post(b"abc", b"X: y\nContent-Length: 3"),
        post(b"abc", b"X\0: y", b"Content-Length: 3"),
        post(b"abc", b"X: \0", b"Content-Length: 3"),
        GET.replace(b"HTTP/1.1", b"HTTP/2.0"),
        GET.replace(b"HTTP/1.1", b"HTTP/0.9"),
        GET.replace(b"/customers", b"/customers#here"),
        GET.replace(b"/customers", b"*"),
        b"CONNECT a.example:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        post(b"GET /customers/2", b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 16"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused_and_what_follows_is_not_read(request_bytes: bytes) -> None:
    async with exchanges() as client:
        client.writer.write(request_bytes + GET)
        status, headers, _ = await client.response()

        assert status in (400, 501, 505)
        assert headers["content-type"] == "application/problem+json"
        assert b"POST" not in b"".join(client.received)
        if headers.get("connection") == "close":
            assert await client.is_closed()
            assert client.received == []


async def test_the_trailer_section_of_a_body_adds_no_header() -> None:
    async with exchanges() as client:
        trailer = b"0\r\nX-Forwarded-Host: evil\r\nX-Trailer: 1\r\n\r\n"
        client.writer.write(post(b"3\r\nabc\r\n" + trailer, b"Transfer-Encoding: chunked") + GET)

        bodies = [(await client.response())[2] for _ in range(2)]

        assert bodies == [b"POST /customers 3", b"GET /customers 0"]
        assert b"Trailer" not in b"".join(client.received).title()
        assert b"evil" not in b"".join(client.received)


async def test_an_upgrade_is_ignored_and_the_connection_ends_with_the_answer() -> None:
    async with exchanges() as client:
        client.writer.write(GET.replace(HOST, HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n") + GET)
        status, headers, body = await client.response()

        assert (status, headers["connection"], body) == (200, "close", b"GET /customers 0")
        assert await client.is_closed()
        assert len(client.received) == 1


async def test_the_body_of_a_client_that_waits_is_asked_for() -> None:
    async with exchanges() as client:
        client.writer.write(post(b"", b"Content-Length: 4", b"Expect: 100-continue"))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(b"body")

        assert (await client.response())[2] == b"POST /customers 4"
        assert b"expect" not in client.received[0].lower()


async def test_a_body_is_asked_for_only_after_the_answers_before_it() -> None:
    async with exchanges() as client:
        waiting = post(b"", b"Content-Length: 4", b"Expect: 100-continue")
        client.writer.write(GET.replace(b"customers", b"customers?wait") + waiting)

        assert (await client.response())[2] == b"GET /customers?wait 0"
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(b"body")
        assert (await client.response())[2] == b"POST /customers 4"


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    async with exchanges() as client:
        client.writer.write(post(b"", b"Content-Length: 1048577", b"Expect: 100-continue"))
        status, headers, _ = await client.response()

        assert (status, headers["connection"]) == (413, "close")
        assert await client.is_closed()


async def test_a_client_that_goes_on_sending_reads_its_refusal() -> None:
    async with exchanges() as client:
        client.writer.write(post(b"x" * 1024 * 1024, b"Content-Length: 9999999"))
        await asyncio.sleep(0.2)
        client.writer.write(b"x" * 1024 * 1024)

        assert (await client.response())[0] == 413


async def test_a_head_without_end_is_refused() -> None:
    async with exchanges() as client:
        client.writer.write(GET[:-2] + b"X: ")
        for _ in range(20):
            client.writer.write(b"y" * 8192)
            await asyncio.sleep(0)

        assert (await client.response())[0] == 431
        assert client.received == []


async def test_a_request_that_does_not_end_is_given_up() -> None:
    async with exchanges(GatewaySection(timeout_seconds=0.5)) as client:
        client.writer.write(GET[:-2])

        assert (await client.response())[0] == 408
        assert await client.is_closed()


async def test_the_answer_to_head_has_no_body_and_the_next_answer_follows() -> None:
    async with exchanges() as client:
        client.writer.write(GET.replace(b"GET", b"HEAD") + GET.replace(b"GET /c", b"HEAD /unknown") + GET)

        heads = [(await client.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0] for _ in range(2)]
        assert heads == [b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found"]
        assert (await client.response())[2] == b"GET /customers 0"


@pytest.mark.parametrize("line", [b"Connection: close\r\n", b"Connection: keep-alive, Close\r\n"])
async def test_the_connection_ends_if_the_client_says_so(line: bytes) -> None:
    async with exchanges() as client:
        client.writer.write(GET.replace(HOST, HOST + line) + GET)
        _, headers, _ = await client.response()

        assert headers["connection"] == "close"
        assert await client.is_closed()
        assert len(client.received) == 1
