"""HTTP/1.1 for the ASGI applications of the local Azure: uvicorn's, with the host of each request."""

from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local_azure.request_host import origin_form, read_host

_TARGET = "local_azure.request_target"


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also keeps the request target as sent: a whole URL names a host too."""

    def on_headers_complete(self) -> None:
        self.scope["extensions"] = {_TARGET: {"target": self.url}}
        self.url = origin_form(self.url)
        super().on_headers_complete()


def host_of(scope: MutableMapping[str, Any]) -> str:
    """The host of an ASGI request; without a Host in HTTP/1.0, the address of the server. Raises InvalidHostError."""
    target = scope.get("extensions", {}).get(_TARGET, {}).get("target", b"/")
    hosts = (value for name, value in scope["headers"] if name == b"host")
    host = read_host(scope["http_version"], target, hosts)
    if host is None:
        address, port = scope["server"]
        return f"{address}:{port}"
    return host
