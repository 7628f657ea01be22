"""A gateway and upstreams for tests, on free ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from local_azure.configuration import GatewaySection
from local_azure.gateway.proxy import Gateway
from local_azure.gateway.routing import RouteTable
from local_azure.gateway.server import Draining, Ending, serve
from local_azure.listening import listening_socket

type Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SETTINGS = GatewaySection(timeout_seconds=5.0, retry_seconds=0.1)
# The clients of most tests keep their connections open.
AT_ONCE = Draining(idle=0.0)


@asynccontextmanager
async def gateway_to(
    upstream: str, settings: GatewaySection = SETTINGS, draining: Draining = AT_ONCE, route: str = "/customers"
) -> AsyncIterator[str]:
    """A gateway with this single route; yields its address."""
    async with ending_gateway_to(upstream, settings, draining, route) as (address, _):
        yield address


@asynccontextmanager
async def ending_gateway_to(
    upstream: str, settings: GatewaySection = SETTINGS, draining: Draining = AT_ONCE, route: str = "/customers"
) -> AsyncIterator[tuple[str, Ending]]:
    """Like `gateway_to`; yields its address, and what ends it."""
    listener = listening_socket(0)
    ending = Ending()
    gateway = Gateway(RouteTable({route: upstream}), settings)
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(gateway, listener, ending, ready.set, draining))
    try:
        await ready.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", ending
    finally:
        ending.hurry()
        await serving


@asynccontextmanager
async def upstream_that(answers: Answer, port: int = 0) -> AsyncIterator[str]:
    """A server that passes each connection to `answers`, and then closes it; yields its address."""

    writers: set[asyncio.StreamWriter] = set()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await answers(reader, writer)
        finally:
            writer.close()
            writers.discard(writer)

    server = await asyncio.start_server(serve_connection, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
