"""The ASGI application: HTTP triggers, home page, and the host's endpoints under /admin."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from local_azure.functions_host.functions import Function, TriggerSettings
from local_azure.functions_host.host_json import HttpSection
from local_azure.functions_host.http.admin import Admin
from local_azure.functions_host.http.cors import Cors
from local_azure.functions_host.http.keys import Keys
from local_azure.functions_host.http.principal import Authentication
from local_azure.functions_host.http.requests import (
    Receive,
    Refused,
    Scope,
    headers_of,
    path_of,
    read_body,
    request_datum,
)
from local_azure.functions_host.http.responses import InvalidResponse, Response, Send, empty, from_datum
from local_azure.functions_host.http.routes import Route, RouteTable, build_route, refuse_conflicts
from local_azure.functions_host.http.throttle import Throttle
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.worker import Call, Worker

logger = logging.getLogger(__name__)

HOME_PAGE = b"<!doctype html><meta charset=utf-8><title>Functions</title><p>The function app is up and running.</p>\n"


class HttpTrigger(TriggerSettings):
    auth_level: str = "FUNCTION"
    route: str
    methods: list[str] = Field(default=[])


class HttpFunctions:
    """The HTTP functions of an app: routes, auth levels and names of their response bindings."""

    def __init__(self, functions: Sequence[Function], prefix: str) -> None:
        routes: list[Route] = []
        self.auth_levels: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        for function in functions:
            if function.trigger_type != "httpTrigger":
                continue
            settings = function.trigger_settings(HttpTrigger)
            routes.append(build_route(function, prefix, settings.route, settings.methods))
            self.auth_levels[function.name] = settings.auth_level.upper()
            self.outputs[function.name] = next((str(b["name"]) for b in function.bindings if b["type"] == "http"), "")
        refuse_conflicts(routes)
        self.routes = routes
        self.table = RouteTable(routes)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """`section`: of host.json; `keys`: None if access keys are not enforced; `home_page`: whether `/` has one.

    `authentication`: None if nobody is asked for a token.
    """

    section: HttpSection
    cors: Cors
    keys: Keys | None
    home_page: bool
    authentication: Authentication | None = None


class Application:
    """Serves `http` and `admin`."""

    def __init__(self, worker: Worker, http: HttpFunctions, admin: Admin, options: HttpOptions) -> None:
        section = options.section
        self._worker = worker
        self._http = http
        self._admin = admin
        self._throttle = Throttle(section.max_concurrent_requests, section.max_outstanding_requests)
        self._custom_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in section.custom_headers.items()
        ]
        self._cors = options.cors
        self._keys = options.keys
        self._home_page = options.home_page
        self._authentication = options.authentication

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = headers_of(scope)
            response = self._cors.preflight(scope["method"], headers)
            if response is None:
                response = await self._respond(scope, receive, headers)
                response.headers.extend(self._cors.headers(headers))
        except Refused as refused:
            response = empty(refused.status, [(b"connection", b"close")])
        except ConnectionResetError:
            return
        response.headers.extend(self._custom_headers)
        await response.send(send)

    async def _respond(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> Response:
        if self._authentication and (refused := self._authentication.refusal(headers)):
            return refused
        path = path_of(scope)
        if path.lower() == "admin" or path.lower().startswith("admin/"):
            return await self._respond_admin(scope, receive, headers)
        found = self._http.table.match(scope["method"], path)
        if found is None:
            return self._home() if path == "" else empty(404)
        function, values = found
        if status := self._refusal(function, headers, scope["query_string"]):
            return empty(status)
        if self._throttle.unbounded:
            return await self._invoke(function, await self._call(scope, receive, headers, values))
        async with self._throttle.admitted():
            return await self._invoke(function, await self._call(scope, receive, headers, values))

    def _refusal(self, function: Function, headers: dict[str, str], query: bytes) -> int | None:
        """The status with which a request is answered without its function; None if the function answers it.

        The body is not read for it, and the connection stays open: a host without time must not spend it on refusing.
        """
        if function.disabled:
            return 404
        if self._keys and not self._keys.allow(function.name, self._http.auth_levels[function.name], headers, query):
            return 401
        return 429 if self._throttle.is_full else None

    async def _call(self, scope: Scope, receive: Receive, headers: dict[str, str], values: dict[str, str]) -> Call:
        body = await read_body(headers, receive)
        return Call(
            value=request_datum(scope, headers, values, body),
            metadata={},
            trace=continue_trace(headers.get("traceparent"), headers.get("tracestate")),
        )

    async def _invoke(self, function: Function, call: Call) -> Response:
        result = await self._worker.invoke(function, call)
        returned = result.outputs.get(self._http.outputs[function.name])
        if not result.succeeded or returned is None or returned.type is None:
            return empty(500)
        try:
            return from_datum(returned)
        except InvalidResponse as error:
            logger.error("function=%s: %s", function.name, error)  # noqa: TRY400 - the function is wrong, not the host
            return empty(500)

    async def _respond_admin(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> Response:
        path = path_of(scope).lower().rstrip("/")
        if self._keys and path != "admin/host/ping" and not self._keys.is_master(headers, scope["query_string"]):
            return empty(401)
        content: Any = (await read_body(headers, receive)).value
        return self._admin.respond(scope["method"], path_of(scope).rstrip("/"), content)

    def _home(self) -> Response:
        if not self._home_page:
            return empty(204)
        return Response(200, [(b"content-type", b"text/html; charset=utf-8")], HOME_PAGE)
