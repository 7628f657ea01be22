"""Raw HTTP, without an SDK."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from local_azure.cosmos import CosmosEmulator

DEADLINE_SECONDS = 60.0


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()

    async def response(self, *, to_head: bool = False) -> tuple[int, bytes]:
        """Status and body; the response to HEAD has none."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            head = await self._reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length")), 0)
            return int(lines[0].split()[1]), await self._reader.readexactly(0 if to_head else length)

    async def ended(self) -> bool:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._reader.read() == b""


@asynccontextmanager
async def connected(emulator: CosmosEmulator) -> AsyncIterator[Connection]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def test_pipelined_requests_are_answered_in_order(emulator: CosmosEmulator) -> None:
    async with connected(emulator) as connection:
        await connection.send(b"GET /dbs HTTP/1.1\r\nhost: x\r\n\r\nPOST /nothing HTTP/1.1\r\nhost: x\r\n\r\n")

        assert (await connection.response())[0] == 401
        assert (await connection.response())[0] == 401


async def test_the_response_to_head_has_no_body_and_the_next_request_is_answered(emulator: CosmosEmulator) -> None:
    async with connected(emulator) as connection:
        await connection.send(b"HEAD /dbs HTTP/1.1\r\nhost: x\r\n\r\nGET /dbs HTTP/1.1\r\nhost: x\r\n\r\n")

        assert await connection.response(to_head=True) == (401, b"")
        assert (await connection.response())[0] == 401


@pytest.mark.parametrize(
    "head",
    [
        b"GET /dbs HTTP/1.1\r\n\r\n",
        b"GET /dbs HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n",
        b"GET /dbs HTTP/1.1\r\nhost: a/b\r\n\r\n",
        b"GET http://b/dbs HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
async def test_a_missing_repeated_or_invalid_host_is_refused_and_ends_the_connection(
    emulator: CosmosEmulator, head: bytes
) -> None:
    async with connected(emulator) as connection:
        await connection.send(head)

        status, body = await connection.response()
        assert (status, b"Host" in body) == (400, True)
        assert await connection.ended()


@pytest.mark.parametrize("head", [b"GET /dbs HTTP/1.0\r\n\r\n", b"GET http://a/dbs HTTP/1.1\r\nhost: a\r\n\r\n"])
async def test_http_1_0_needs_no_host_and_a_target_may_be_a_whole_url(emulator: CosmosEmulator, head: bytes) -> None:
    async with connected(emulator) as connection:
        await connection.send(head)

        assert (await connection.response())[0] == 401


async def test_a_request_may_arrive_in_pieces(emulator: CosmosEmulator) -> None:
    async with connected(emulator) as connection:
        await connection.send(b"GET /d", b"bs HTTP/1.1\r\nho", b"st: x\r\n", b"\r\n")

        status, body = await connection.response()

    assert status == 401
    assert b"authorization is missing" in body


async def test_the_connection_closes_if_the_client_asks_for_it(emulator: CosmosEmulator) -> None:
    async with connected(emulator) as connection:
        await connection.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

        assert (await connection.response())[0] == 401
        assert await connection.ended()


async def test_a_body_above_the_largest_limit_is_refused(emulator: CosmosEmulator) -> None:
    size = 5 * 1024 * 1024
    async with connected(emulator) as connection:
        await connection.send(b"POST /dbs HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size, b"x" * size)

        assert (await connection.response())[0] == 413


async def test_a_client_that_waits_for_100_continue_gets_it(emulator: CosmosEmulator) -> None:
    async with connected(emulator) as connection:
        await connection.send(b"POST /dbs HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert (await connection.response())[0] == 100

        await connection.send(b"{}")
        assert (await connection.response())[0] == 401


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00 TLS", b"HELLO\r\n\r\n"])
async def test_input_that_is_not_http_closes_only_its_connection(emulator: CosmosEmulator, garbage: bytes) -> None:
    async with connected(emulator) as connection:
        await connection.send(garbage)
        assert await connection.ended()

    async with connected(emulator) as connection:
        await connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await connection.response())[0] == 401
