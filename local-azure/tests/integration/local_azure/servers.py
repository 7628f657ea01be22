"""A gateway and upstreams for tests, on free ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from local_azure.gateway.proxy import Gateway
from local_azure.gateway.routing import RouteTable
from local_azure.gateway.server import GatewayServer
from local_azure.listening import listening_socket

type Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def gateway_to(upstream: str, total_timeout: float = 5.0) -> AsyncIterator[str]:
    """A gateway with the single route /customers; yields its address."""
    listener = listening_socket(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = GatewayServer(Gateway(RouteTable({"/customers": upstream}), total_timeout))
    serving = asyncio.create_task(server.serve_on(listener))
    try:
        await server.ready.wait()
        yield url
    finally:
        server.hurry()
        await serving


@asynccontextmanager
async def upstream_that(answers: Answer, port: int = 0) -> AsyncIterator[str]:
    """A server that passes each connection to `answers`, and then closes it; yields its address."""

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answers(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve_connection, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        server.close_clients()
