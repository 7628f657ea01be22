"""All services together: started in the order of their dependencies, stopped in reverse."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from pydantic import BaseModel

from local_azure.supervisor.child import Child
from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.services import Service, StackError, State
from local_azure.supervisor.state_folder import StateFolder

STOP_ALL_TIMEOUT_SECONDS = 6.0
# For each service, even if those before it have used up the time.
LEAST_STOP_SECONDS = 0.5


class ServiceStatus(BaseModel):
    """The state of a service. `uptime` in seconds; `pid` None: no process."""

    name: str
    state: State
    pid: int | None
    address: str
    uptime: float
    restarts: int


class Supervisor:
    """Runs `services`, and reports events to every listener."""

    def __init__(self, services: Sequence[Service], state: StateFolder) -> None:
        self.listeners: list[Report] = []
        self._children = {
            service.name: Child(service, state.log_file(service.name), self._report) for service in services
        }

    async def start_all(self) -> None:
        """Returns once all are ready. Raises the first StartError; services that have started keep running."""
        ready = {name: asyncio.Event() for name in self._children}

        async def start(child: Child) -> None:
            for name in child.service.after:
                if name in ready:
                    await ready[name].wait()
            await child.start()
            ready[child.service.name].set()

        starting = [asyncio.create_task(start(child)) for child in self._children.values()]
        try:
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def stop_all(self) -> None:
        """Stops all in about STOP_ALL_TIMEOUT_SECONDS: those that depend on others first."""
        deadline = time.monotonic() + STOP_ALL_TIMEOUT_SECONDS
        remaining = dict(self._children)
        while remaining:
            needed = {name for child in remaining.values() for name in child.service.after}
            now = [name for name in remaining if name not in needed] or list(remaining)
            limit = max(deadline - time.monotonic(), LEAST_STOP_SECONDS)
            await asyncio.gather(*(remaining.pop(name).stop(limit) for name in now))

    def kill_all(self) -> None:
        for child in self._children.values():
            child.kill()

    async def start(self, name: str) -> None:
        await self._child(name).start()

    async def stop(self, name: str) -> None:
        await self._child(name).stop()

    async def restart(self, name: str) -> None:
        await self.stop(name)
        await self.start(name)

    def status(self) -> list[ServiceStatus]:
        return [
            ServiceStatus(
                name=name,
                state=child.state,
                pid=child.pid,
                address=child.address,
                uptime=child.uptime,
                restarts=child.restarts,
            )
            for name, child in self._children.items()
        ]

    def _child(self, name: str) -> Child:
        if name not in self._children:
            raise StackError(f"there is no service {name!r}; there are {', '.join(self._children)}")
        return self._children[name]

    def _report(self, event: Event) -> None:
        for listener in list(self.listeners):
            # A listener whose reader has gone must not disturb a service.
            with contextlib.suppress(OSError):
                listener(event)
