"""How the gateway ends: nothing that it has accepted is lost, and another process may go on listening meanwhile."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from local_azure.gateway.server import Draining
from local_azure.listening import listening_socket
from tests.integration.local_azure.servers import SETTINGS, ending_gateway_to, upstream_that
from tests.integration.local_azure.test_gateway_refusing import OK, answer_ok, read_request

DEADLINE_SECONDS = 60.0
GET = b"GET /customers HTTP/1.1\r\nHost: a.example\r\n\r\n"


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Sends a request and returns the head of the response."""
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(2)
    return head


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))


async def test_what_is_under_way_is_answered_and_then_the_connection_ends() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await go_on.wait()
        writer.write(OK)

    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        upstream_that(answer_later) as upstream,
        ending_gateway_to(upstream, SETTINGS, Draining(idle=0.1)) as (address, ending),
    ):
        reader, writer = await connect(address)
        coming = asyncio.create_task(get(reader, writer))
        await arrived.wait()
        ending.drain()
        await asyncio.sleep(0.3)
        go_on.set()

        head = await coming
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in head
        assert await reader.read() == b""
        writer.close()


async def test_an_open_connection_may_send_one_more_request_and_an_idle_one_ends() -> None:
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        upstream_that(answer_ok) as upstream,
        ending_gateway_to(upstream, SETTINGS, Draining(idle=1.0, grace=60)) as (
            address,
            ending,
        ),
    ):
        used, unused, silent = await connect(address), await connect(address), await connect(address)
        assert b"connection: close" not in await get(*used)
        assert b"connection: close" not in await get(*unused)
        ending.drain()
        await asyncio.sleep(0.2)

        # Nobody listens any more, but who is connected is served.
        with pytest.raises(ConnectionRefusedError):
            await connect(address)
        assert b"connection: close" in await get(*used)
        assert await used[0].read() == b""
        assert not unused[0].at_eof()
        # A connection on which nothing has come yet is served too.
        assert b"connection: close" in await get(*silent)
        assert await unused[0].read() == b""
        for _, writer in (used, unused, silent):
            writer.close()


async def test_in_a_hurry_an_idle_connection_ends_at_once_and_what_is_under_way_is_answered() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await go_on.wait()
        writer.write(OK)

    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        upstream_that(answer_later) as upstream,
        ending_gateway_to(upstream, SETTINGS, Draining(idle=600, grace=600)) as (address, ending),
    ):
        (reader, writer), (idle, idle_writer) = await connect(address), await connect(address)
        coming = asyncio.create_task(get(reader, writer))
        await arrived.wait()
        ending.drain()
        ending.hurry()

        assert await idle.read() == b""
        go_on.set()
        assert (await coming).startswith(b"HTTP/1.1 200 OK")
        for each in (writer, idle_writer):
            each.close()


async def test_what_takes_too_long_is_abandoned() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    times = Draining(idle=0.1, grace=0.3)
    async with asyncio.timeout(DEADLINE_SECONDS), upstream_that(hang) as upstream:
        async with ending_gateway_to(upstream, SETTINGS, times) as (address, ending):
            reader, writer = await connect(address)
            writer.write(GET)
            await asyncio.sleep(0.1)
            ending.drain()

            assert await reader.read() == b""
        writer.close()


@dataclass
class Program:
    """A gateway in a process of its own."""

    process: Process
    address: str

    async def end(self) -> int:
        self.process.terminate()
        return await self.process.wait()


@asynccontextmanager
async def program(config: Path, upstream: str, listener: socket.socket) -> AsyncIterator[Program]:
    command = (sys.executable, "-m", "local_azure.gateway", f"--config={config}", f"--socket={listener.fileno()}")
    process = await asyncio.create_subprocess_exec(
        *command, f"--upstream=app={upstream}", stdout=PIPE, pass_fds=[listener.fileno()]
    )
    try:
        assert process.stdout is not None
        yield Program(process, (await process.stdout.readline()).decode().removeprefix("ready ").strip())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_gateway_follows_another_on_the_same_socket_and_no_call_fails(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    config = tmp_path / "local-azure.toml"
    config.write_text('[gateway]\n[gateway.routes]\n"/customers" = "app"\n[apps.app]\nport = 0\n')
    listener = listening_socket(0)
    statuses: list[int] = []
    ending = asyncio.Event()

    async def call_without_end(address: str) -> None:
        while not ending.is_set():
            async with client.post(f"{address}/customers", data=b"body") as response:
                statuses.append(response.status)

    async def call_on_new_connections(address: str) -> None:
        while not ending.is_set():
            async with client.post(f"{address}/customers", headers={"Connection": "close"}) as response:
                statuses.append(response.status)

    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        upstream_that(answer_ok) as upstream,
        program(config, upstream, listener) as first,
    ):
        assert first.address == f"http://127.0.0.1:{listener.getsockname()[1]}"
        calls = (call_without_end, call_on_new_connections)
        calling = [asyncio.create_task(call(first.address)) for call in calls for _ in range(3)]
        async with program(config, upstream, listener) as second:
            assert second.address == first.address
            assert await first.end() == 0
            before = len(statuses)
            await asyncio.sleep(0.2)
            ending.set()
            await asyncio.gather(*calling)

    listener.close()
    assert len(statuses) > before > 0
    assert set(statuses) == {200}


async def test_a_socket_that_was_not_inherited_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "local-azure.toml"
    config.write_text("[gateway]\n")
    command = (sys.executable, "-m", "local_azure.gateway", f"--config={config}", "--socket=77")
    process = await asyncio.create_subprocess_exec(*command, stderr=PIPE)
    _, stderr = await process.communicate()

    assert (process.returncode, b"--socket 77" in stderr) == (2, True)
