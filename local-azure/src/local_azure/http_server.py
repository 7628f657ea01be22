"""The HTTP server of the functions host: uvicorn, which ends without losing a call; and the signals that end one."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from local_azure.http_protocol import HttpProtocol
from local_azure.listening import with_copies

# Longer than the turn of the event loop after which the connections that were accepted last are known.
SETTLING_SECONDS = 0.1
POLL_SECONDS = 0.05


class HttpServer(uvicorn.Server):
    """Serves an ASGI application on sockets that are given. `ready` is set once it listens.

    It leaves signals to its process, see `on_end_signals`: uvicorn would raise them again at the end, but a clean exit
    must have code 0.
    """

    def __init__(self, application: Any, *, keep_alive: int) -> None:
        """`keep_alive`: seconds until an idle connection is closed."""
        config = uvicorn.Config(
            application,
            interface="asgi3",
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=keep_alive,
        )
        super().__init__(config)
        self.ready = asyncio.Event()
        self._hurried = asyncio.Event()

    async def serve_on(self, listener: socket.socket, *others: socket.socket) -> None:
        """Returns at the end. Closes the sockets; another process that has them goes on accepting."""
        await self.serve([*with_copies(listener), *others])

    def drain(self) -> None:
        """Begins the end: accepts no more; each connection ends with its next response, or when it has been idle."""
        self.should_exit = True

    def hurry(self) -> None:
        """Begins the end without waiting for idle connections, or goes on without."""
        self._hurried.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        pause = SETTLING_SECONDS
        while not self._hurried.is_set():
            for connection in list(self.server_state.connections):
                if isinstance(connection, HttpProtocol):
                    connection.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), pause)
            if not self.server_state.connections:
                break
            pause = POLL_SECONDS
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def on_end_signals(drain: Callable[[], None], hurry: Callable[[], None]) -> None:
    """Calls `drain` at SIGTERM; `hurry` at SIGINT, as by Ctrl-C, and at a second SIGTERM."""
    loop = asyncio.get_running_loop()

    def terminate() -> None:
        loop.add_signal_handler(signal.SIGTERM, hurry)
        drain()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    loop.add_signal_handler(signal.SIGINT, hurry)
