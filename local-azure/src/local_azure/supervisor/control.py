"""The control connection: commands to a running supervisor, as JSON lines over TCP on 127.0.0.1.

The client sends one request `{"token", "command", "service"}`. The supervisor answers with any number of
`{"event": …}`, and at last `{"done": true, …}` or `{"error": "…"}`.
"""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

from local_azure.listening import HOST
from local_azure.supervisor.events import Event, Report, json_line
from local_azure.supervisor.services import StackError
from local_azure.supervisor.state_folder import Running
from local_azure.supervisor.supervisor import ServiceStatus, Supervisor

REQUEST_LIMIT_BYTES = 4096
REQUEST_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 1.0
# Longer than READY_TIMEOUT_SECONDS of a service.
ANSWER_TIMEOUT_SECONDS = 90.0


class ControlServer:
    """Serves commands for one supervisor. `shut_down` returns when all services have ended."""

    def __init__(self, supervisor: Supervisor, token: str, shut_down: Callable[[], Awaitable[None]]) -> None:
        self._supervisor = supervisor
        self._token = token
        self._shut_down = shut_down
        self._server: asyncio.Server | None = None
        self._changes: set[asyncio.Future[None]] = set()

    async def start(self) -> int:
        """Listens, and returns the port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=REQUEST_LIMIT_BYTES)
        return cast("int", self._server.sockets[0].getsockname()[1])

    def cancel_changes(self) -> None:
        """Cancels starts and stops of single services that are in progress."""
        for change in self._changes:
            change.cancel()

    async def close(self) -> None:
        """Stops listening, and lets open connections finish."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), CLOSE_TIMEOUT_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                request = json.loads(await reader.readline())
            answer = await self._answer(request, lambda event: writer.write(json_line({"event": event.to_json()})))
            writer.write(json_line(answer))
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # Not a request, or the client has gone: there is nobody to answer.
            pass
        finally:
            writer.close()

    async def _answer(self, request: dict[str, Any], report: Report) -> dict[str, object]:
        if not hmac.compare_digest(str(request.get("token", "")), self._token):
            return {"error": "the token is not the one in running.json"}
        command, service = request.get("command"), str(request.get("service", ""))
        if command == "status":
            return {"done": True, "services": [status.model_dump() for status in self._supervisor.status()]}
        commands: dict[object, Callable[[], Awaitable[None]]] = {
            "start": lambda: self._supervisor.start(service),
            "stop": lambda: self._supervisor.stop(service),
            "restart": lambda: self._supervisor.restart(service),
            "down": self._shut_down,
        }
        if command not in commands:
            return {"error": f"unknown command {command!r}"}

        def relevant(event: Event) -> None:
            if command == "down" or event.service == service:
                report(event)

        self._supervisor.listeners.append(relevant)
        change = asyncio.ensure_future(commands[command]())
        if command != "down":
            self._changes.add(change)
        try:
            await change
        except StackError as error:
            return {"error": str(error)}
        except asyncio.CancelledError:
            return {"error": "the stack is ending"}
        finally:
            self._changes.discard(change)
            self._supervisor.listeners.remove(relevant)
        return {"done": True}


class ControlClient:
    """Sends commands to the supervisor of `running`. Every method raises StackError."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def status(self) -> list[ServiceStatus]:
        answer = self._request("status", "", lambda _: None)
        return [ServiceStatus.model_validate(service) for service in answer["services"]]

    def change(self, command: str, service: str, report: Report) -> None:
        """`command`: start, stop or restart. Returns when it is complete."""
        self._request(command, service, report)

    def down(self, report: Report) -> None:
        self._request("down", "", report)

    def _request(self, command: str, service: str, report: Report) -> dict[str, Any]:
        request = {"token": self._running.token, "command": command, "service": service}
        try:
            with (
                socket.create_connection((HOST, self._running.control_port), ANSWER_TIMEOUT_SECONDS) as connection,
                connection.makefile("rb") as lines,
            ):
                connection.sendall(json_line(request))
                for line in lines:
                    answer: dict[str, Any] = json.loads(line)
                    if "event" in answer:
                        report(Event.from_json(answer["event"]))
                    elif "error" in answer:
                        raise StackError(answer["error"])
                    else:
                        return answer
        except OSError as error:
            raise StackError(f"the supervisor does not answer: {error}") from None
        raise StackError("the supervisor ended before it answered")
