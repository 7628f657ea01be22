"""The gateway's own responses: to invalid requests, and for upstreams that fail."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from local_azure.configuration import GatewaySection
from tests.integration.local_azure.servers import gateway_to, upstream_that

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return head + await reader.readexactly(int(length.partition(b":")[2]))


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not reader.at_eof():
        try:
            await read_request(reader)
        except asyncio.IncompleteReadError:
            return
        writer.write(OK)


@asynccontextmanager
async def healthy_gateway() -> AsyncIterator[str]:
    async with upstream_that(answer_ok) as upstream, gateway_to(upstream) as address:
        yield address


async def get_problem(
    client: aiohttp.ClientSession, url: str, method: str = "GET"
) -> tuple[aiohttp.ClientResponse, dict[str, object]]:
    async with client.request(method, URL(url, encoded=True)) as response:
        assert response.content_type == "application/problem+json"
        document = json.loads(await response.read())
        assert document["status"] == response.status
        return response, document


@pytest.mark.parametrize("path", ["/customersX", "/Customers", "/other/customers"])
async def test_the_answer_to_an_unknown_path_lists_the_prefixes(client: aiohttp.ClientSession, path: str) -> None:
    async with healthy_gateway() as gateway:
        response, document = await get_problem(client, gateway + path)

    assert response.status == 404
    assert document["routes"] == ["/customers"]


async def test_the_root_shows_the_routes(client: aiohttp.ClientSession) -> None:
    async with healthy_gateway() as gateway, client.get(gateway) as response:
        assert await response.json() == {"routes": ["/customers"]}


async def test_dot_segments_do_not_leave_the_prefix(client: aiohttp.ClientSession) -> None:
    async with healthy_gateway() as gateway:
        response, _ = await get_problem(client, f"{gateway}/customers/%2e%2e/admin")

    assert response.status == 400


async def test_a_body_of_one_mebibyte_passes_and_more_does_not(client: aiohttp.ClientSession) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1024):
            yield b"x" * 1024

    limit = 1024 * 1024
    async with healthy_gateway() as gateway:
        url = f"{gateway}/customers"
        statuses = []
        for data in (b"x" * limit, b"x" * (limit + 1), chunks(limit), chunks(limit + 1024)):
            async with client.post(url, data=data) as response:
                statuses.append(response.status)

    assert statuses == [200, 413, 200, 413]


async def test_a_target_beyond_eight_kibibytes_is_refused(client: aiohttp.ClientSession) -> None:
    async with healthy_gateway() as gateway:
        response, _ = await get_problem(client, f"{gateway}/customers?x={'y' * 8192}")

    assert response.status == 414


async def test_headers_beyond_32_kibibytes_are_refused(client: aiohttp.ClientSession) -> None:
    headers = {f"X-{number}": "y" * 1000 for number in range(33)}
    async with healthy_gateway() as gateway, client.get(f"{gateway}/customers", headers=headers) as response:
        assert response.status == 431


async def test_a_stopped_upstream_is_unavailable_for_a_while(client: aiohttp.ClientSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with gateway_to(f"http://127.0.0.1:{port}") as gateway:
        response, document = await get_problem(client, f"{gateway}/customers/1", "POST")

    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert document["instance"] == "/customers/1"
    assert len(str(document["traceId"])) == 32


async def test_an_upstream_that_breaks_the_connection_is_a_bad_gateway(client: aiohttp.ClientSession) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK[:-1])

    async with upstream_that(break_off) as upstream, gateway_to(upstream) as gateway:
        response, _ = await get_problem(client, f"{gateway}/customers")

    assert response.status == 502
    assert "Retry-After" in response.headers


async def test_a_slow_upstream_is_a_gateway_timeout(client: aiohttp.ClientSession) -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with upstream_that(hang) as upstream, gateway_to(upstream, GatewaySection(timeout_seconds=0.2)) as gateway:
        response, _ = await get_problem(client, f"{gateway}/customers", "POST")

    assert response.status == 504


async def test_the_settings_file_sets_the_timeout_of_the_gateway(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    config = tmp_path / "local-azure.toml"
    config.write_text('[gateway]\ntimeout_seconds = 0.2\n[gateway.routes]\n"/a" = "app"\n[apps.app]\nport = 0\n')
    async with upstream_that(hang) as upstream:
        command = (sys.executable, "-m", "local_azure.gateway", f"--config={config}", "--port=0")
        gateway = await asyncio.create_subprocess_exec(*command, f"--upstream=app={upstream}", stdout=PIPE)
        assert gateway.stdout is not None
        address = (await gateway.stdout.readline()).decode().removeprefix("ready ").strip()
        response, _ = await get_problem(client, f"{address}/a", "POST")
        gateway.terminate()
        await gateway.wait()

    assert response.status == 504


async def test_connections_to_the_upstream_are_used_again(client: aiohttp.ClientSession) -> None:
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answer_ok(reader, writer)

    async with upstream_that(count) as upstream, gateway_to(upstream) as gateway:
        for _ in range(10):
            async with client.get(f"{gateway}/customers") as response:
                assert response.status == 200

    assert connections == 1


async def test_a_restarted_upstream_is_found_again_at_once(client: aiohttp.ClientSession) -> None:
    statuses = []
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        upstream = await first.enter_async_context(upstream_that(answer_ok))
        gateway = await stack.enter_async_context(gateway_to(upstream))
        async with client.post(f"{gateway}/customers") as response:
            statuses.append(response.status)

        await first.aclose()
        await stack.enter_async_context(upstream_that(answer_ok, URL(upstream).port or 0))

        for method in ("POST", "GET"):
            async with client.request(method, f"{gateway}/customers") as response:
                statuses.append(response.status)

    assert statuses == [200, 200, 200]


async def test_a_connection_lost_while_idle_is_retried_for_get_and_never_for_post(
    client: aiohttp.ClientSession,
) -> None:
    received: list[bytes] = []

    async def answer_once_per_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(2):
            request = await read_request(reader)
            received.append(request[:4])
            if number == 0:
                writer.write(OK)

    async with upstream_that(answer_once_per_connection) as upstream, gateway_to(upstream) as gateway:
        statuses = []
        for method in ("GET", "GET", "POST"):
            async with client.request(method, f"{gateway}/customers") as response:
                statuses.append(response.status)

    assert statuses == [200, 200, 502]
    assert received == [b"GET ", b"GET ", b"GET ", b"POST"]
