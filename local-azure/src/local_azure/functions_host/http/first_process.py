"""What only the first process of an app can answer, because it has the listeners: `/admin/host/…`."""

import aiohttp

from local_azure.functions_host.http.application import Application
from local_azure.functions_host.http.keys import KEY_HEADER
from local_azure.functions_host.http.requests import Receive, Scope, path_of
from local_azure.functions_host.http.responses import Response, Send, empty

PREFIX = "admin/host/"
TIMEOUT_SECONDS = 5.0
# By which the first process knows who calls.
FORWARDED = frozenset({KEY_HEADER.encode(), b"authorization"})
RETURNED = ("content-type", "www-authenticate")


class ForwardingApplication:
    """The application of a further process. `first`: a URL where only the first one listens."""

    def __init__(self, application: Application, first: str) -> None:
        self._application = application
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if path_of(scope).lower().startswith(PREFIX):
            await (await self._forwarded(scope)).send(send)
        else:
            await self._application(scope, receive, send)

    async def _forwarded(self, scope: Scope) -> Response:
        """The answer of the first process. None of these requests needs a body, or another header."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in FORWARDED}
        url = f"{self._first}/{path_of(scope)}"
        query = scope["query_string"].decode("latin-1")
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS)) as client,
                client.request(scope["method"], f"{url}?{query}" if query else url, headers=headers) as response,
            ):
                values = ((name, response.headers.get(name)) for name in RETURNED)
                returned = [(name.encode(), value.encode("latin-1")) for name, value in values if value]
                return Response(response.status, returned, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return empty(503)
