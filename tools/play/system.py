"""Calling a running system over HTTP, and waiting for the effects of its events."""

import copy
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict

from tools.play.waiting import EVENT_SECONDS, POLL_SECONDS, wait_until

# The original system's example. Its client, HTTPie, sends the age as text.
YEON: Mapping[str, object] = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": "20"}


class UnexpectedResponse(Exception):
    """A call did not succeed. The message has the status and the text of the response."""


@dataclass(frozen=True)
class Response:
    """`seconds`: from sending the request to the last byte of the response."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float

    @property
    def body(self) -> Any:
        """The text as JSON; None if it is empty."""
        return json.loads(self.text) if self.text else None


class System:
    """A system of which only the gateway's address is known."""

    def __init__(self, address: str, http: aiohttp.ClientSession) -> None:
        self._address = address.rstrip("/")
        self._http = http
        self._headers: Mapping[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str, call_seconds: float) -> AsyncIterator[Self]:
        """Connects to the gateway at `address`. `call_seconds`: the timeout of a call."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(call_seconds)) as http:
            yield cls(address, http)

    def signed_in(self, token: str) -> Self:
        """The same system, as somebody with this token calls it."""
        another = copy.copy(self)
        another._headers = {"Authorization": f"Bearer {token}"}
        return another

    def url(self, path: str) -> str:
        """The URL of a path at the gateway; a whole URL stays as it is."""
        return path if path.startswith("http") else self._address + path

    async def call(self, method: str, path: str, **options: Any) -> Response:
        """Sends a request. `options`: those of aiohttp's request. Raises aiohttp.ClientError and TimeoutError."""
        return await self._send(method, self.url(path), **options)

    async def _send(self, method: str, url: str, **options: Any) -> Response:
        # A header may have several lines.
        headers = CIMultiDict(options.pop("headers", None) or {})
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        start = time.perf_counter()
        async with self._http.request(method, url, headers=headers, **options) as response:
            text = await response.text()
        return Response(response.status, response.headers, text, time.perf_counter() - start)

    async def register(self, details: Mapping[str, object] = YEON) -> str:
        """Registers a customer; returns the id. Raises UnexpectedResponse."""
        response = await self._expect(201, "POST", "/customers", json=details)
        return str(response.body["id"])

    async def cancel(self, customer_id: str) -> None:
        """Cancels a registration. Raises UnexpectedResponse."""
        await self._expect(204, "DELETE", f"/customers/{customer_id}")

    async def _expect(self, status: int, method: str, path: str, **options: Any) -> Response:
        response = await self.call(method, path, **options)
        if response.status != status:
            raise UnexpectedResponse(f"{method} {path}: {response.status} {response.text}")
        return response

    async def wait_for_view(
        self, customer_id: str, status: str, seconds: float = EVENT_SECONDS, poll_seconds: float = POLL_SECONDS
    ) -> float:
        """Waits until the customer's view has this status; returns how many seconds that took. Raises TimeoutError."""

        async def has_status() -> bool:
            response = await self.call("GET", f"/customerViews/{customer_id}")
            return response.status == 200 and response.body["status"] == status

        return await wait_until(has_status, f"the view of {customer_id} says {status}", seconds, poll_seconds)

    async def wait_for_alert(self, customer_id: str, seconds: float = EVENT_SECONDS) -> float:
        """Waits until the cancellation's alert is sent; returns how many seconds that took. Raises TimeoutError."""

        async def is_sent() -> bool:
            return (await self.call("GET", f"/kakaos/{customer_id}.canceled")).status == 200

        return await wait_until(is_sent, f"the alert of {customer_id} was sent", seconds)

    async def wait_for_registration(self, registration: str, status: str, seconds: float = EVENT_SECONDS) -> float:
        """Waits until a postponed registration has this status; returns how many seconds that took.

        `registration`: its path or URL. Raises TimeoutError.
        """

        async def has_status() -> bool:
            response = await self.call("GET", registration)
            return response.status == 200 and response.body["status"] == status

        return await wait_until(has_status, f"the registration is {status}", seconds)
