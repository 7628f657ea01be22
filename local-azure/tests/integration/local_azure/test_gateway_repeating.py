"""What the gateway sends again after a failure: nothing may reach an app twice that does not expect it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from local_azure.configuration import GatewaySection
from local_azure.gateway.upstream import MOST_TIMES_SENT
from tests.integration.local_azure.servers import gateway_to, upstream_that
from tests.integration.local_azure.test_gateway_refusing import OK, answer_ok, read_request

type Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEY = {"Idempotency-Key": "7"}
# So large that no buffer of the kernel takes half of it.
BODY = b"x" * 1024 * 1024
METHODS: list[tuple[str, dict[str, str], bool]] = [
    ("GET", {}, True),
    ("HEAD", {}, True),
    ("POST", KEY, True),
    ("POST", {}, False),
    ("POST", {"Idempotency-Key": ""}, False),
    ("PUT", {}, False),
    ("PUT", KEY, False),
    ("PATCH", KEY, False),
    ("DELETE", {}, False),
    ("DELETE", KEY, False),
    ("OPTIONS", {}, False),
]
every_method = pytest.mark.parametrize(("method", "headers", "may_be_repeated"), METHODS)


class FailingUpstream:
    """Counts the requests that reach it, and fails with the first `failures` of them as `fail` does."""

    def __init__(self, fail: Connection, failures: int) -> None:
        self.reached = 0
        self._fail = fail
        self._failures = failures

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            if self.reached < self._failures:
                if not await reader.read(1):
                    return
                self.reached += 1
                await self._fail(reader, writer)
                return
            try:
                request = await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            self.reached += 1
            writer.write(OK if not request.startswith(b"HEAD") else OK[:-2])


async def break_off_in_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1024)
    writer.transport.abort()


async def break_off_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.transport.abort()


async def end_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def end_in_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(OK[:30])


async def break_off_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nok")
    await writer.drain()


async def end_in_a_chunk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await read_request(reader)
    # The response to HEAD ends with its head.
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head[:-2] if request.startswith(b"EAD") else head + b"2\r\nok")


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"nonsense\r\n\r\n")


FAILURES = [
    break_off_in_the_request,
    break_off_after_the_request,
    end_after_the_request,
    end_in_the_head,
    break_off_in_the_body,
    end_in_a_chunk,
    nonsense,
]


@asynccontextmanager
async def failing(fail: Connection, failures: int = 1) -> AsyncIterator[tuple[FailingUpstream, str]]:
    """The upstream, and the address of a gateway to it."""
    upstream = FailingUpstream(fail, failures)
    async with upstream_that(upstream) as address, gateway_to(address) as gateway:
        yield upstream, gateway


async def status_of(client: aiohttp.ClientSession, gateway: str, method: str, headers: dict[str, str]) -> int:
    body = BODY if method in ("POST", "PUT", "PATCH") else None
    async with client.request(method, f"{gateway}/customers", headers=headers, data=body) as response:
        return response.status


@pytest.mark.parametrize("fail", FAILURES)
@every_method
async def test_what_was_sent_is_sent_again_only_if_it_may_be(
    client: aiohttp.ClientSession, fail: Connection, method: str, headers: dict[str, str], may_be_repeated: bool
) -> None:
    async with failing(fail) as (upstream, gateway):
        status = await status_of(client, gateway, method, headers)

    assert (status, upstream.reached) == ((200, 2) if may_be_repeated else (502, 1))


@every_method
async def test_what_breaks_every_connection_is_given_up(
    client: aiohttp.ClientSession, method: str, headers: dict[str, str], may_be_repeated: bool
) -> None:
    async with failing(end_after_the_request, failures=100) as (upstream, gateway):
        status = await status_of(client, gateway, method, headers)

    assert (status, upstream.reached) == (502, MOST_TIMES_SENT if may_be_repeated else 1)


@every_method
async def test_a_late_answer_is_not_asked_for_again(
    client: aiohttp.ClientSession, method: str, headers: dict[str, str], may_be_repeated: bool
) -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    upstream = FailingUpstream(hang, failures=100)
    settings = GatewaySection(timeout_seconds=0.2)
    async with upstream_that(upstream) as address, gateway_to(address, settings) as gateway:
        status = await status_of(client, gateway, method, headers)

    assert (status, upstream.reached) == (504, 1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@every_method
async def test_while_nothing_listens_nothing_is_lost(
    client: aiohttp.ClientSession, method: str, headers: dict[str, str], may_be_repeated: bool
) -> None:
    port = free_port()
    upstream = FailingUpstream(nonsense, failures=0)
    async with gateway_to(f"http://127.0.0.1:{port}", GatewaySection(retry_seconds=10)) as gateway:
        sending = [asyncio.create_task(status_of(client, gateway, method, headers)) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in sending)

        async with upstream_that(upstream, port):
            statuses = await asyncio.gather(*sending)

    assert (statuses, upstream.reached) == ([200] * 5, 5)


@every_method
async def test_an_app_that_stays_away_is_waited_for_only_so_long(
    client: aiohttp.ClientSession, method: str, headers: dict[str, str], may_be_repeated: bool
) -> None:
    async with gateway_to(f"http://127.0.0.1:{free_port()}", GatewaySection(retry_seconds=0.1)) as gateway:
        assert await status_of(client, gateway, method, headers) == 503


async def test_many_requests_wait_for_an_app_and_are_all_answered(client: aiohttp.ClientSession) -> None:
    port = free_port()
    upstream = FailingUpstream(nonsense, failures=0)
    async with gateway_to(f"http://127.0.0.1:{port}", GatewaySection(retry_seconds=10)) as gateway:
        sending = [asyncio.create_task(status_of(client, gateway, "DELETE", {})) for _ in range(90)]
        await asyncio.sleep(0.2)
        async with upstream_that(upstream, port):
            statuses = await asyncio.gather(*sending)

    assert (statuses, upstream.reached) == ([200] * 90, 90)


async def test_an_app_that_asks_to_close_a_connection_gets_nothing_more_on_it(client: aiohttp.ClientSession) -> None:
    connections: list[int] = []

    async def answer_as_the_last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        while not reader.at_eof():
            try:
                await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            connections[-1] += 1
            writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    async with upstream_that(answer_as_the_last) as address, gateway_to(address) as gateway:
        statuses = [await status_of(client, gateway, "POST", {}) for _ in range(3)]

    assert (statuses, connections) == ([200] * 3, [1, 1, 1])


async def test_a_connection_is_closed_before_an_app_may_close_it(client: aiohttp.ClientSession) -> None:
    """An app that ends closes its idle connections after 3 s."""
    ended = asyncio.Event()

    async def answer_until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_ok(reader, writer)
        ended.set()

    async with upstream_that(answer_until_the_end) as address, gateway_to(address) as gateway:
        assert await status_of(client, gateway, "GET", {}) == 200
        async with asyncio.timeout(10):
            await ended.wait()


async def test_a_killed_app_that_is_back_gets_each_request_once(client: aiohttp.ClientSession) -> None:
    upstream = FailingUpstream(nonsense, failures=0)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    statuses = []
    async with gateway_to(address, GatewaySection(retry_seconds=10)) as gateway:
        for _ in range(3):
            async with upstream_that(upstream, port):
                pair = [status_of(client, gateway, "POST", {}), status_of(client, gateway, "DELETE", {})]
                statuses += await asyncio.gather(*pair)

    assert (statuses, upstream.reached) == ([200] * 6, 6)
