"""Calling a system over HTTP, and waiting for what it does by itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import aiohttp

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """An answer of the system. `seconds`: from sending the request to the last byte."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float

    @property
    def body(self) -> Any:
        """The text as JSON; None where there is none."""
        return json.loads(self.text) if self.text else None


class Calls(Protocol):
    """What can be called by path."""

    def url(self, path: str) -> str:
        """Where a path is found; a whole URL stays as it is."""

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Raises aiohttp.ClientError and TimeoutError. `options`: those of aiohttp's request."""


class Gateway:
    """A system of which nothing but the address of its gateway is known."""

    def __init__(self, address: str, http: aiohttp.ClientSession) -> None:
        self._address = address.rstrip("/")
        self._http = http

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str, call_seconds: float) -> AsyncIterator[Self]:
        """Connects, and disconnects at the end. `call_seconds`: how long a call may take."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(call_seconds)) as http:
            yield cls(address, http)

    def url(self, path: str) -> str:
        return path if path.startswith("http") else self._address + path

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        return await timed_call(self._http, method, self.url(path), **options)


async def timed_call(http: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Answer:
    """Raises aiohttp.ClientError and TimeoutError."""
    before = time.perf_counter()
    async with http.request(method, url, **options) as response:
        text = await response.text()
    return Answer(response.status, response.headers, text, time.perf_counter() - before)


async def seconds_until(holds: Callable[[], Awaitable[bool]], limit: float) -> float:
    """How long it takes until it holds. Raises TimeoutError after `limit` seconds."""
    before = time.monotonic()
    while not await holds():
        if time.monotonic() - before > limit:
            raise TimeoutError
        await asyncio.sleep(POLL_SECONDS)
    return time.monotonic() - before
