"""An upstream: its idle connections, and what is sent again after a failure."""

import asyncio
from urllib.parse import urlsplit

from local_azure.gateway.upstream_connection import BrokenError, Response, UpstreamConnection

CONNECT_TIMEOUT_SECONDS = 1.0
# An app that ends keeps its idle connections open for another 3 s. So none is used just when the app closes it.
IDLE_CONNECTION_SECONDS = 2.0
# How often a request that may be repeated is sent at most: the first connection may have been about to close, and the
# second app may be the one that is ended. What breaks a connection a third time would break it again.
MOST_TIMES_SENT = 3
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.1


class UnreachableError(Exception):
    """No connection could be opened, so nothing was sent."""


class Upstream:
    """Sends requests to an upstream over connections that it keeps.

    What could not be sent is tried again for `retry_seconds`, whatever it is: a crashed app may be restarting. What was
    sent, at least in part, is sent again only if the caller says that it may.
    """

    def __init__(self, url: str, retry_seconds: float) -> None:
        parts = urlsplit(url)
        self.url = url
        self.address = parts.netloc.encode("ascii")
        self.base_path = parts.path.encode("ascii")
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._retry_seconds = retry_seconds
        self._idle: list[UpstreamConnection] = []
        self._connecting_again = asyncio.Lock()

    async def send(self, message: bytes, *, to_head: bool, repeatable: bool) -> Response:
        """Sends a whole request, `to_head` with the method HEAD. Raises UnreachableError and BrokenError."""
        times_sent = 0
        while True:
            connection = self._idle_connection() or await self._connect()
            times_sent += 1
            try:
                response = await connection.exchange(message, to_head=to_head)
            except BrokenError:
                if not repeatable or times_sent == MOST_TIMES_SENT:
                    raise
            else:
                self._keep(connection)
                return response

    def close_idle(self, older_than: float = 0.0) -> None:
        """Closes the connections that have been idle for `older_than` seconds, and forgets those that have ended."""
        latest = asyncio.get_running_loop().time() - older_than
        kept = []
        for connection in self._idle:
            if connection.usable and connection.idle_since > latest:
                kept.append(connection)
            else:
                connection.close()
        self._idle = kept

    def _keep(self, connection: UpstreamConnection) -> None:
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)

    def _idle_connection(self) -> UpstreamConnection | None:
        """The one used last, so that those beyond the need grow old."""
        latest = asyncio.get_running_loop().time() - IDLE_CONNECTION_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since > latest and connection.is_quiet:
                return connection
            connection.close()
        return None

    async def _connect(self) -> UpstreamConnection:
        try:
            return await self._open()
        except UnreachableError:
            return await self._connect_again()

    async def _connect_again(self) -> UpstreamConnection:
        """One request tries, and the others wait for it: hundreds would take the time that a starting app needs."""
        try:
            async with asyncio.timeout(self._retry_seconds), self._connecting_again:
                pause = FIRST_PAUSE_SECONDS
                while True:
                    if idle := self._idle_connection():
                        return idle
                    try:
                        return await self._open()
                    except UnreachableError:
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            raise UnreachableError from None

    async def _open(self) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                _, connection = await loop.create_connection(UpstreamConnection, self._host, self._port)
        except (OSError, TimeoutError):
            raise UnreachableError from None
        return connection
