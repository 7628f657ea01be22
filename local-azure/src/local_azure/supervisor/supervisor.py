"""All services together: started in the order of their dependencies, stopped in reverse."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from pydantic import BaseModel

from local_azure.movable_clock import (
    MOST_SECONDS_AHEAD,
    ClockFileError,
    duration_text,
    read_seconds_ahead,
    write_seconds_ahead,
)
from local_azure.supervisor.child import Child
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.services import Service, StackError, State
from local_azure.supervisor.state_folder import StateFolder
from local_azure.supervisor.trouble import Trouble

STOP_ALL_TIMEOUT_SECONDS = 6.0
# For each service, even if those before it have used up the time.
LEAST_STOP_SECONDS = 0.5


class ServiceStatus(BaseModel):
    """The state of a service. `uptime` in seconds; `pid` None: no process; `cause`: why it is left out."""

    name: str
    state: State
    pid: int | None
    address: str
    uptime: float
    restarts: int
    ports: tuple[int, ...] = ()
    optional: bool = False
    cause: str = ""


class ClockStatus(BaseModel):
    """How far the clock of `services` is ahead. `unconfirmed`: why they may not have it yet, if they may not."""

    seconds_ahead: int
    services: list[str]
    unconfirmed: list[str] = []


class Supervisor:
    """Runs `services`, and reports events to every one of `listeners`, which may be added and removed at any time."""

    def __init__(self, services: Sequence[Service], state: StateFolder, listeners: list[Report]) -> None:
        self.listeners = listeners
        self._deaf: dict[Report, Trouble] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._state = state
        self._clock_lock = asyncio.Lock()
        self._children = {
            service.name: Child(service, state.log_file(service.name), self.report) for service in services
        }

    async def start_all(self) -> None:
        """Returns once all are ready, except for optional ones, which join when they are.

        Raises the first StackError of the others; services that have started keep running.
        """
        required = [child for child in self._children.values() if not child.service.optional]
        ready = {child.service.name: asyncio.Event() for child in required}

        async def start(child: Child) -> None:
            for name in child.service.after:
                if name in ready:
                    await ready[name].wait()
            await child.start()
            ready[child.service.name].set()

        for child in self._children.values():
            if child.service.optional:
                self._joining[child.service.name] = asyncio.create_task(_join(child))
        starting = [asyncio.create_task(start(child)) for child in required]
        try:
            await asyncio.gather(*starting)
        finally:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def stop_all(self) -> None:
        """Stops all in about STOP_ALL_TIMEOUT_SECONDS: those that depend on others first."""
        await asyncio.gather(*(self._give_up_joining(name) for name in self._joining))
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
        child = self._child(name)
        await self._give_up_joining(name)
        await child.stop()

    async def restart(self, name: str) -> None:
        child = self._child(name)
        await self._give_up_joining(name)
        await child.restart()

    async def reload(self, name: str) -> None:
        """Restarts the service if it runs. One that is stopped stays so; one that has ended is started again anyway."""
        if self._child(name).state is State.RUNNING:
            await self.restart(name)

    async def advance_clock(self, seconds: int) -> ClockStatus:
        """Moves the clock of the emulators ahead, and waits until each has it. 0: only asks them.

        Raises StackError, and moves nothing, if there is no such clock or it would be too far ahead.
        """
        children = [child for child in self._children.values() if child.service.has_clock]
        if not children:
            raise StackError("this stack has neither Cosmos DB nor Service Bus, and only these have a clock to move")
        async with self._clock_lock:
            ahead = self._move_clock_file(seconds)
            outcomes = await asyncio.gather(*(child.read_clock(ahead) for child in children), return_exceptions=True)
        for child in self._children.values():
            if seconds and child.service.has_listeners:
                child.tell_of_clock()
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, StackError):
                raise outcome
        return ClockStatus(
            seconds_ahead=ahead,
            services=[child.service.name for child in children],
            unconfirmed=[str(outcome) for outcome in outcomes if outcome is not None],
        )

    def _move_clock_file(self, seconds: int) -> int:
        """Returns how far the clock is ahead then. A start of an emulator at this moment reads the one or the other."""
        try:
            ahead = read_seconds_ahead(self._state.folder) + seconds
            if ahead > MOST_SECONDS_AHEAD:
                most = duration_text(MOST_SECONDS_AHEAD)
                raise StackError(f"the clock would be {duration_text(ahead)} ahead; at most {most} are possible")
            if seconds:
                write_seconds_ahead(self._state.folder, ahead)
                self.report(Event(Kind.NOTICE, detail=f"The emulators' clock is {duration_text(ahead)} ahead now."))
        except ClockFileError as error:
            raise StackError(str(error)) from None
        return ahead

    def status(self) -> list[ServiceStatus]:
        return [
            ServiceStatus(
                name=name,
                state=child.state,
                pid=child.pid,
                address=child.address,
                uptime=child.uptime,
                restarts=child.restarts,
                ports=child.service.ports,
                optional=child.service.optional,
                cause=child.cause,
            )
            for name, child in self._children.items()
        ]

    def _child(self, name: str) -> Child:
        if name not in self._children:
            raise StackError(f"there is no service {name!r}; there are {', '.join(self._children)}")
        return self._children[name]

    async def _give_up_joining(self, name: str) -> None:
        joining = self._joining.get(name)
        if joining is not None and not joining.done():
            joining.cancel()
            await asyncio.wait({joining})
            self.report(Event(Kind.STOPPED, name))

    def report(self, event: Event) -> None:
        """Reports an event to all listeners."""
        for listener in list(self.listeners):
            try:
                listener(event)
            except ConnectionError:
                # Its reader has gone.
                pass
            except Exception as error:  # a listener must not disturb a service
                self._tell_others(listener, error)
            else:
                self._deaf.pop(listener, None)

    def _tell_others(self, listener: Report, error: Exception) -> None:
        """Reports once for each cause, to the other listeners, that `listener` cannot record events."""

        def tell(event: Event) -> None:
            for other in self.listeners:
                if other is not listener:
                    with contextlib.suppress(Exception):
                        other(event)

        if listener not in self._deaf:
            self._deaf[listener] = Trouble(tell, "", "not everything that happens is recorded")
        self._deaf[listener].caused_by(error)


async def _join(child: Child) -> None:
    """Starts an optional service; the reason of a failure is in its status."""
    with contextlib.suppress(StackError):
        await child.start()
