"""Serves the gateway over HTTP/1.1 on 127.0.0.1."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import uvicorn

from local_azure.gateway.headers import new_trace_parent
from local_azure.gateway.problems import problem
from local_azure.gateway.proxy import SHOWN_PATH_LENGTH, Gateway
from local_azure.http_protocol import HttpProtocol
from local_azure.listening import with_copies
from local_azure.request_host import origin_form
from local_azure.telemetry.spans import trace_id_of

SHUTDOWN_SECONDS = 3


class _Protocol(HttpProtocol):
    """Refuses what is not HTTP with a problem document, too."""

    def send_400_response(self, msg: str) -> None:
        """Called before there is an ASGI request."""
        path = origin_form(self.url).partition(b"?")[0].decode("ascii", "replace")
        trace_id = trace_id_of(new_trace_parent())
        answer = problem(HTTPStatus.BAD_REQUEST, msg, path[:SHOWN_PATH_LENGTH], traceId=trace_id)
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus.BAD_REQUEST.phrase}".encode()]
        lines += [name + b": " + value for name, value in answer.headers]
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", answer.body]))
        self.transport.close()


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
            http=_Protocol,
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
