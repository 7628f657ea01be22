"""Serves the gateway over HTTP/1.1 on 127.0.0.1."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from local_azure.gateway.proxy import Gateway

HOST = "127.0.0.1"
BACKLOG = 2048
SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals alone.

    uvicorn would raise them again at the end, and a clean end must exit with 0.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            sys.stdout.write(f"ready http://{HOST}:{listener.getsockname()[1]}\n")
        sys.stdout.flush()


def listening_socket(port: int) -> socket.socket:
    """Listens on `port` (0: a free one) of 127.0.0.1. Raises OSError where it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def serve(gateway: Gateway, listener: socket.socket, wanted_down: asyncio.Event) -> None:
    """Prints the ready line and serves until `wanted_down`; running requests may end."""
    server = _Server(
        uvicorn.Config(
            gateway,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )

    async def end() -> None:
        await wanted_down.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        async with gateway:
            await server.serve([listener])
    finally:
        ending.cancel()
