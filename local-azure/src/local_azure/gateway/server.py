"""Serves the gateway over HTTP/1.1 on 127.0.0.1."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from local_azure.gateway.answers import Answer
from local_azure.gateway.client_connection import ClientConnection
from local_azure.gateway.proxy import Gateway
from local_azure.gateway.requests import Request
from local_azure.listening import BACKLOG, with_copies

LOOK_BACK_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draining:
    """How a server ends, in seconds.

    `idle`: for which it answers one more request on an open connection; longer than the pool of a proxy before it keeps
    an idle one. `grace`: after which it abandons what is still under way. `hurried`: the same, after `Ending.hurry`.
    Both are less than the supervisor waits before it kills.
    """

    idle: float = 3.0
    grace: float = 33.0
    hurried: float = 4.5


class Ending:
    """The request to end."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.hurried = asyncio.Event()

    def drain(self) -> None:
        """Lets clients go to a successor, in their own time."""
        self.requested.set()

    def hurry(self) -> None:
        """Waits only for requests in progress."""
        self.hurried.set()
        self.requested.set()


class Server:
    """The connections of the gateway's clients."""

    def __init__(self, gateway: Gateway) -> None:
        self.draining = False
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()
        self._connections: set[ClientConnection] = set()
        self._all_closed = asyncio.Event()

    def connection(self) -> ClientConnection:
        return ClientConnection(self, self._loop)

    def answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        return self._gateway.answer(request)

    def opened(self, connection: ClientConnection) -> None:
        self._connections.add(connection)
        self._all_closed.clear()

    def closed(self, connection: ClientConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._all_closed.set()

    async def look_back(self) -> None:
        """Ends what has lasted too long, again and again."""
        while True:
            await asyncio.sleep(LOOK_BACK_SECONDS)
            for connection in list(self._connections):
                connection.look_back(self._gateway.total_timeout)
            self._gateway.look_back()

    async def drain(self, times: Draining, hurried: asyncio.Event) -> None:
        """Answers what is under way, and what comes on open connections until these are closed."""
        self.draining = True
        closing_idle = self._loop.call_later(times.idle, self._close_idle)
        hurrying = asyncio.create_task(self._hurry(hurried))
        ended = asyncio.create_task(self._ended())
        try:
            await asyncio.wait({ended, hurrying}, timeout=times.grace, return_when=asyncio.FIRST_COMPLETED)
            if hurrying.done():
                await asyncio.wait({ended}, timeout=times.hurried)
        finally:
            closing_idle.cancel()
            hurrying.cancel()
            ended.cancel()
        if self._connections:
            logger.warning("%d connections were still in use at the end", len(self._connections))
        for connection in list(self._connections):
            connection.abort()

    async def _ended(self) -> None:
        while self._connections:
            await self._all_closed.wait()

    async def _hurry(self, hurried: asyncio.Event) -> None:
        await hurried.wait()
        self._close_idle()

    def _close_idle(self) -> None:
        for connection in list(self._connections):
            if connection.is_idle:
                connection.close()


async def serve(
    gateway: Gateway,
    listener: socket.socket,
    ending: Ending,
    ready: Callable[[], None],
    draining: Draining = Draining(),
) -> None:
    """Calls `ready`, and serves until `ending`; requests in progress may finish."""
    loop = asyncio.get_running_loop()
    server = Server(gateway)
    copies = with_copies(listener)
    listening = [await loop.create_server(server.connection, sock=copy, backlog=BACKLOG) for copy in copies]
    looking_back = asyncio.create_task(server.look_back())
    try:
        ready()
        await ending.requested.wait()
        for each in listening:
            each.close()
        await server.drain(draining, ending.hurried)
    finally:
        looking_back.cancel()
        gateway.close()
