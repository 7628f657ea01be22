"""The host's own endpoints: `/admin/host/…` and `/admin/functions/…`."""

import asyncio
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from local_azure.functions_host.functions import Function
from local_azure.functions_host.http.responses import Response, empty, json_response
from local_azure.functions_host.http.routes import Route
from local_azure.functions_host.triggers import warm_up
from local_azure.functions_host.triggers.listeners import manual_call
from local_azure.functions_host.worker import Call, Result

HOST_VERSION = "4.0.0"
RUNNING = "Running"


class Invoker(Protocol):
    """Runs functions. `outstanding`: running invocations."""

    outstanding: int

    async def invoke(self, function: Function, call: Call) -> Result: ...


class Listening(Protocol):
    """All listeners: `drain` stops them, `resume` starts them again."""

    @property
    def draining(self) -> bool: ...

    async def drain(self) -> None: ...

    def resume(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Catalog:
    """The functions of an app and their URLs. `base_url` without a trailing slash."""

    functions: Sequence[Function]
    routes: Sequence[Route]
    base_url: str

    def find(self, name: str) -> Function | None:
        """The function with this name in lower case."""
        return next((function for function in self.functions if function.name.lower() == name), None)

    def describe(self, function: Function) -> dict[str, Any]:
        route = next((route for route in self.routes if route.function is function), None)
        return {
            "name": function.name,
            "href": f"{self.base_url}/admin/functions/{function.name}",
            "language": "python",
            "isDisabled": function.disabled,
            "config": {"name": function.name, "bindings": [dict(binding) for binding in function.bindings]},
            "invoke_url_template": f"{self.base_url}/{route.template.text}" if route else None,
        }


class Admin:
    """Answers `/admin` requests."""

    def __init__(self, catalog: Catalog, invoker: Invoker, listening: Listening) -> None:
        self._catalog = catalog
        self._invoker = invoker
        self._listening = listening
        self._started = time.monotonic()
        self._instance = uuid4().hex
        self._tasks: set[asyncio.Task[Any]] = set()

    def respond(self, method: str, path: str, body: bytes) -> Response:
        """`path` without its leading slash."""
        match path.lower().split("/")[1:]:
            case ["host", *rest]:
                return self._respond_host(method, rest)
            case ["functions"] if method == "GET":
                return json_response(200, [self._catalog.describe(each) for each in self._catalog.functions])
            case ["functions", name, *rest] if function := self._catalog.find(name):
                return self._respond_function(method, function, rest, body)
        return empty(404)

    def _respond_host(self, method: str, rest: list[str]) -> Response:
        response = empty(404)
        match method, rest:
            case "GET", ["status"]:
                response = json_response(200, self._host_status())
            case (("GET" | "POST"), ["ping"]):
                response = empty(200)
            case "POST", ["drain"]:
                self._spawn(self._listening.drain())
                response = json_response(202, self._drain_status())
            case "GET", ["drain", "status"]:
                response = json_response(200, self._drain_status())
            case "POST", ["resume"]:
                self._listening.resume()
                response = json_response(200, {"state": RUNNING})
        return response

    def _respond_function(self, method: str, function: Function, rest: list[str], body: bytes) -> Response:
        match method, rest:
            case "GET", []:
                return json_response(200, self._catalog.describe(function))
            case "GET", ["status"]:
                return json_response(200, {"isDisabled": function.disabled})
            case "POST", []:
                return self._run(function, body)
            case _:
                return empty(404)

    def _run(self, function: Function, body: bytes) -> Response:
        if function.trigger_type == warm_up.TRIGGER:
            return json_response(400, {"error": "a function with a warm-up trigger runs only when the app starts"})
        try:
            content = json.loads(body or b"{}").get("input")
            call = manual_call(function, str(content or ""))
        except (ValueError, AttributeError):
            return json_response(400, {"error": 'the body must be {"input": "…"}, and input a value for the trigger'})
        self._spawn(self._invoker.invoke(function, call))
        return empty(202)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _host_status(self) -> dict[str, Any]:
        return {
            "id": "local",
            "state": RUNNING,
            "version": HOST_VERSION,
            "versionDetails": f"{HOST_VERSION} local, Python {platform.python_version()}",
            "instanceId": self._instance,
            "processUptime": int((time.monotonic() - self._started) * 1000),
            "processId": os.getpid(),
        }

    def _drain_status(self) -> dict[str, Any]:
        outstanding = self._invoker.outstanding
        state = "Disabled" if not self._listening.draining else "InProgress" if outstanding else "Completed"
        return {"state": state, "outstandingInvocations": outstanding, "outstandingRetries": 0}
