"""What only the first process of an app can answer, because it has the listeners: `/admin/host/…`."""

import aiohttp

from local_azure.functions_host.http.application import Application
from local_azure.functions_host.http.keys import KEY_HEADER
from local_azure.functions_host.http.requests import Receive, Scope, path_of
from local_azure.functions_host.http.responses import Response, Send, empty

PREFIX = "admin/host/"
TIMEOUT_SECONDS = 5.0
KEY_NAME = KEY_HEADER.encode()


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
        """The answer of the first process. None of these requests needs a body, or a header but the access key."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == KEY_NAME}
        url = f"{self._first}/{path_of(scope)}"
        query = scope["query_string"].decode("latin-1")
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS)) as client,
                client.request(scope["method"], f"{url}?{query}" if query else url, headers=headers) as response,
            ):
                kind = response.headers.get("content-type", "")
                returned = [(b"content-type", kind.encode("latin-1"))] if kind else []
                return Response(response.status, returned, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return empty(503)
