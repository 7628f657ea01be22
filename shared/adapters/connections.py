"""Connections over HTTP to one place, opened when they are first needed."""

import aiohttp


class Connections:
    """For a client of which each process has one. It limits the time of each call itself, and keeps no cookies."""

    _session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            no_limit = aiohttp.ClientTimeout(total=None)
            self._session = aiohttp.ClientSession(timeout=no_limit, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Closes them; the next call opens others."""
        session, self._session = self._session, None
        if session:
            await session.close()
