"""The listeners of an app, started and stopped together."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from local_azure.functions_host.datums import Datum, json_datum, raw, text
from local_azure.functions_host.functions import Function
from local_azure.functions_host.host_json import ExtensionsSection
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.triggers.cosmos_db.listener import CosmosDBListener
from local_azure.functions_host.triggers.service_bus.listener import ServiceBusListener
from local_azure.functions_host.triggers.service_bus.metadata import manual_metadata
from local_azure.functions_host.triggers.timer.listener import TimerClock, TimerListener, timer_content
from local_azure.functions_host.triggers.timer.state import TimerState
from local_azure.functions_host.worker import Call, Worker
from local_azure.movable_clock import read_seconds_ahead


class Listener(Protocol):
    """Calls one function when its trigger fires."""

    def stop(self) -> None: ...

    async def run(self) -> None:
        """Returns after stop(), once running invocations are finished and settled. Never raises."""


class Listeners:
    """The listeners of `functions`. Under the same app `name` they continue where they stopped. Raises StartError."""

    def __init__(
        self, functions: Sequence[Function], worker: Worker, extensions: ExtensionsSection, name: str, state: Path
    ) -> None:
        self._timers = timers = TimerState(state / f"timers-{name}.json")
        self._state = state
        self._clock = clock = TimerClock(read_seconds_ahead(state))
        factories: dict[str, Callable[[Function], Listener]] = {
            "serviceBusTrigger": lambda function: ServiceBusListener(function, worker, extensions.service_bus),
            "cosmosDBTrigger": lambda function: CosmosDBListener(function, worker, name),
            "timerTrigger": lambda function: TimerListener(function, worker, timers, clock),
        }
        self._factories = [
            (factories[function.trigger_type], function)
            for function in functions
            if function.trigger_type in factories and not function.disabled
        ]
        # Created here and not in start(), so that wrong settings are reported before anything runs.
        self._listeners = [create(function) for create, function in self._factories]
        self._tasks: list[asyncio.Task[None]] = []
        self.draining = False

    def start(self) -> None:
        # The app's process before this one may have run timers since.
        self._timers.read()
        self._tasks = [asyncio.create_task(listener.run()) for listener in self._listeners]

    def read_clock(self) -> None:
        """The emulators' clock was moved, so timers may be due. Raises ClockFileError."""
        self._clock.move(read_seconds_ahead(self._state))

    async def drain(self) -> None:
        """Stops listening. Returns once running invocations are finished and settled."""
        self.draining = True
        for listener in self._listeners:
            listener.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def resume(self) -> None:
        """Listens again after drain()."""
        if self.draining:
            self.draining = False
            self._listeners = [create(function) for create, function in self._factories]
            self.start()


def manual_call(function: Function, content: str) -> Call:
    """A manual invocation with `content` as the trigger's value. Raises ValueError if it is not valid."""
    trace = continue_trace(None)
    match function.trigger_type:
        case "httpTrigger":
            return Call(_post(content), {}, trace)
        case "timerTrigger":
            return Call(json_datum(timer_content(None, past_due=False)), {}, trace)
        case "serviceBusTrigger":
            return Call(text(content), manual_metadata(), trace)
        case _:
            json.loads(content)
            return Call(Datum(content, "json"), {}, trace)


def _post(content: str) -> Datum:
    request = {
        "method": text("POST"),
        "url": text("http://127.0.0.1/"),
        "headers": {},
        "query": {},
        "params": {},
        "body": raw(content.encode()),
    }
    return Datum(request, "http")
