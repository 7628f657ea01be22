"""Serves the gateway over HTTP/1.1 on 127.0.0.1."""

import socket
from http import HTTPStatus

from local_azure.gateway.headers import new_trace_parent
from local_azure.gateway.problems import problem
from local_azure.gateway.proxy import SHOWN_PATH_LENGTH, Gateway
from local_azure.http_protocol import HttpProtocol
from local_azure.http_server import HttpServer
from local_azure.request_host import origin_form
from local_azure.telemetry.spans import trace_id_of

KEEP_ALIVE_SECONDS = 5
SHUTDOWN_SECONDS = 3


class _Protocol(HttpProtocol):
    """Refuses what is not HTTP with a problem document, too."""

    def send_400_response(self, msg: str) -> None:
        """Called before there is an ASGI request."""
        path = origin_form(self.url).partition(b"?")[0].decode("ascii", "replace")
        trace_id = trace_id_of(new_trace_parent())
        answer = problem(HTTPStatus.BAD_REQUEST, msg, path[:SHOWN_PATH_LENGTH], traceId=trace_id)
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus.BAD_REQUEST.phrase}".encode()]
        lines += [name + b": " + value for name, value in answer.headers]
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", answer.body]))
        self.transport.close()


class GatewayServer(HttpServer):
    """Serves the gateway; requests in progress may finish."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway, keep_alive=KEEP_ALIVE_SECONDS, hurried_limit=SHUTDOWN_SECONDS, protocol=_Protocol)
        self._gateway = gateway

    async def serve_on(self, listener: socket.socket, *others: socket.socket) -> None:
        async with self._gateway:
            await super().serve_on(listener, *others)
