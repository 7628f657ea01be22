"""The control connection: commands to a running supervisor, as JSON lines over TCP on 127.0.0.1.

The client sends one request `{"token", "command", "service"}`, or for the clock `{"token", "command", "seconds"}`. The
supervisor answers `{"accepted": true}`, and carries it out once the client has confirmed with `{"confirmed": true}`: so
what a client has given up, because the supervisor was stopped, is not carried out later. It then sends any number of
`{"event": …}`, and at last `{"done": true, …}` or `{"error": "…"}`.
"""

import asyncio
import contextlib
import hmac
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import psutil

from local_azure.listening import HOST
from local_azure.supervisor.events import Event, Report, json_line
from local_azure.supervisor.services import StackError
from local_azure.supervisor.state_folder import Running
from local_azure.supervisor.supervisor import ClockStatus, ServiceStatus, Supervisor
from local_azure.supervisor.trouble import cause

REQUEST_LIMIT_BYTES = 4096
REQUEST_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 1.0
# A supervisor that works accepts a request in milliseconds, even under load within a second.
ACCEPT_TIMEOUT_SECONDS = 4.0
# Longer than it takes to install and start a service. A supervisor that has ended or is stopped is noticed earlier.
ANSWER_TIMEOUT_SECONDS = 480.0
CHECK_SECONDS = 0.5
READ_BYTES = 65536
STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


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
                refusal = self._refusal(request)
                if refusal is None:
                    writer.write(json_line({"accepted": True}))
                    # Nothing, and so not JSON, if the client has gone.
                    json.loads(await reader.readline())
            if refusal is None:
                answer = await self._answer(request, lambda event: writer.write(json_line({"event": event.to_json()})))
            else:
                answer = {"error": refusal}
            writer.write(json_line(answer))
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            # Not a request, or the client has gone: there is nobody to answer.
            pass
        finally:
            writer.close()

    def _refusal(self, request: object) -> str | None:
        """Why it is not carried out."""
        if not isinstance(request, dict):
            return "a request is a JSON object"
        if not hmac.compare_digest(str(request.get("token", "")).encode(), self._token.encode()):
            return "the token is not the one in running.json"
        return None

    async def _answer(self, request: dict[str, Any], report: Report) -> dict[str, object]:
        command, service = request.get("command"), str(request.get("service", ""))
        if command == "status":
            return {"done": True, "services": [status.model_dump() for status in self._supervisor.status()]}
        if command == "clock":
            return await self._advance_clock(request.get("seconds"))
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
        except (StackError, OSError) as error:
            return {"error": cause(error)}
        except asyncio.CancelledError:
            return {"error": "the stack is ending"}
        finally:
            self._changes.discard(change)
            self._supervisor.listeners.remove(relevant)
        return {"done": True}

    async def _advance_clock(self, seconds: object) -> dict[str, object]:
        if type(seconds) is not int or seconds < 0:
            return {"error": "the clock moves by a number of seconds, and only forward"}
        try:
            clock = await self._supervisor.advance_clock(seconds)
        except StackError as error:
            return {"error": cause(error)}
        return {"done": True, "clock": clock.model_dump()}


class ControlClient:
    """Sends commands to the supervisor of `running`. Every method raises StackError."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def status(self) -> list[ServiceStatus]:
        answer = self._request({"command": "status"}, lambda _: None)
        return [ServiceStatus.model_validate(service) for service in answer["services"]]

    def change(self, command: str, service: str, report: Report) -> None:
        """`command`: start, stop or restart. Returns when it is complete."""
        self._request({"command": command, "service": service}, report)

    def down(self, report: Report) -> None:
        self._request({"command": "down"}, report)

    def advance_clock(self, seconds: int) -> ClockStatus:
        """0: only asks how far it is ahead."""
        answer = self._request({"command": "clock", "seconds": seconds}, lambda _: None)
        return ClockStatus.model_validate(answer["clock"])

    def _request(self, command: dict[str, object], report: Report) -> dict[str, Any]:
        request = {"token": self._running.token, **command}
        accepted = False
        try:
            with socket.create_connection((HOST, self._running.control_port), ACCEPT_TIMEOUT_SECONDS) as connection:
                connection.sendall(json_line(request))
                for line in self._lines(connection):
                    answer: dict[str, Any] = json.loads(line)
                    if "accepted" in answer:
                        connection.sendall(json_line({"confirmed": True}))
                        accepted = True
                    elif "event" in answer:
                        report(Event.from_json(answer["event"]))
                    elif "error" in answer:
                        raise StackError(answer["error"])
                    elif "done" in answer:
                        return answer
        except OSError as error:
            if self._is_stopped():
                raise StackError(self._about_a_stopped_one(accepted=accepted)) from None
            raise StackError(f"the supervisor does not answer: {error}") from None
        raise StackError("the supervisor ended before it answered")

    def _lines(self, connection: socket.socket) -> Iterator[bytes]:
        """The lines of the answer, until the connection is closed. Raises TimeoutError, at once if it is stopped."""
        connection.settimeout(CHECK_SECONDS)
        deadline = time.monotonic() + ACCEPT_TIMEOUT_SECONDS
        received = b""
        while True:
            try:
                read = connection.recv(READ_BYTES)
            except TimeoutError:
                if time.monotonic() > deadline or self._is_stopped():
                    raise
                continue
            if not read:
                return
            deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
            *lines, received = (received + read).split(b"\n")
            yield from lines

    def _is_stopped(self) -> bool:
        """Whether the supervisor is stopped, as by Ctrl-Z or a debugger."""
        process = self._running.supervisor.find()
        try:
            return process is not None and process.status() in STOPPED
        except psutil.Error:
            return False

    def _about_a_stopped_one(self, *, accepted: bool) -> str:
        pid = self._running.supervisor.pid
        consequence = "it goes on with this when it is continued" if accepted else "nothing was done"
        return (
            f"the supervisor (process {pid}) is stopped: {consequence}. "
            f"Continue it with `fg` in its terminal or `kill -CONT {pid}`; "
            f"or end it with `kill -KILL {pid}`, and then its services with `local-azure down`."
        )
