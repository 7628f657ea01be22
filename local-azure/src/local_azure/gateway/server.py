"""Serves the gateway over HTTP/1.1 on 127.0.0.1."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from local_azure.gateway.proxy import Gateway
from local_azure.listening import with_copies

SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    """A server that calls `ready`, and does not handle signals.

    uvicorn would raise a signal again at the end, but a clean exit must have code 0.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def serve(
    gateway: Gateway, listener: socket.socket, shutdown_requested: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Calls `ready`, and serves until `shutdown_requested`; requests in progress may finish."""
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
        ),
        ready,
    )

    async def end() -> None:
        await shutdown_requested.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        async with gateway:
            await server.serve(with_copies(listener))
    finally:
        ending.cancel()
