"""The other apps over HTTP, with this app's identity and the visitor's token."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

from shared.adapters.connections import Connections
from shared.http.callers import AUTHORIZATION
from shared.telemetry import span, traceparent
from web.ports import Answered, AppsUnavailable, Calling

# Characters of an answer. What is stored about one person is far shorter.
LONGEST: Final = 5_000_000


class Credential(Protocol):
    """Gives access tokens, as the credentials of azure-identity do."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token that is valid now. Raises AzureError."""


class AppsClient(Connections):
    """One for each process. `bases`: the URL of the app that has each first part of a path, such as `customers`."""

    def __init__(
        self, bases: Mapping[str, str], timeout_seconds: float, credential: Credential | None, scope: str | None
    ) -> None:
        """`credential`: gives the token for each call, if there is a `scope` (API_SCOPE)."""
        self._bases = bases
        self._timeout_seconds = timeout_seconds
        self._credential = credential
        self._scope = scope

    async def get(self, calling: Calling, path: str) -> Answered:
        """GET. Raises AppsUnavailable."""
        return (await self._call(calling, "GET", path))[0]

    async def download(self, calling: Calling, path: str) -> tuple[Answered, bytes]:
        """GET, with the body as it was sent. Raises AppsUnavailable."""
        return await self._call(calling, "GET", path)

    async def send(
        self,
        calling: Calling,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """With a JSON body. Raises AppsUnavailable."""
        content = None if body is None else json.dumps(body).encode()
        return (await self._call(calling, method, path, content, headers or {}))[0]

    async def _call(
        self,
        calling: Calling,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answered, bytes]:
        first = path.strip("/").partition("/")[0].partition("?")[0]
        with span(f"{method} /{first}"):
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    sent = {**await self._headers(calling, content), **(headers or {})}
                    async with self._open().request(
                        method, f"{self._bases[first]}{path}", data=content, headers=sent, allow_redirects=False
                    ) as response:
                        received = await _whole(response)
                        return Answered(response.status, _object(received), response.headers), received
            except TimeoutError:
                raise AppsUnavailable(f"{method} /{first}: no answer in time") from None
            except (aiohttp.ClientError, AzureError, OSError) as error:
                raise AppsUnavailable(f"{method} /{first}: {type(error).__name__}") from None

    async def _headers(self, calling: Calling, content: bytes | None) -> dict[str, str]:
        headers = {AUTHORIZATION: f"Bearer {calling.token}", "traceparent": traceparent() or ""}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if calling.forwarded_for:
            headers["X-Forwarded-For"] = calling.forwarded_for
        if self._credential and self._scope:
            headers["Authorization"] = f"Bearer {(await self._credential.get_token(self._scope)).token}"
        return headers


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises AppsUnavailable if it is longer than any answer can be."""
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > LONGEST:
            raise AppsUnavailable("the answer is too long")
    return bytes(content)


def _object(content: bytes) -> Mapping[str, Any]:
    """A JSON object, or an empty one for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
