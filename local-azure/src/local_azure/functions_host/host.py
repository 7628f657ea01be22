"""One function app from start to shutdown: worker, HTTP server and listeners."""

import asyncio
import logging
import math
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local_azure.announcements import READY, RELEASED
from local_azure.functions_host import app_settings
from local_azure.functions_host.app_settings import LocalSettings
from local_azure.functions_host.errors import StartError
from local_azure.functions_host.functions import Function
from local_azure.functions_host.host_json import HostJson
from local_azure.functions_host.http.admin import Admin, Catalog
from local_azure.functions_host.http.application import Application, HttpFunctions, HttpOptions
from local_azure.functions_host.http.cors import Cors
from local_azure.functions_host.http.first_process import ForwardingApplication
from local_azure.functions_host.http.keys import Keys
from local_azure.functions_host.http.principal import Authentication
from local_azure.functions_host.index import index_app
from local_azure.functions_host.triggers.listeners import Listeners
from local_azure.functions_host.triggers.warm_up import run_warm_up
from local_azure.functions_host.worker import Worker
from local_azure.functions_host.worker_processes import WorkerProcesses, process_count
from local_azure.http_server import HttpServer
from local_azure.listening import HOST, inherited_socket, listening_socket
from local_azure.movable_clock import ClockFileError

logger = logging.getLogger(__name__)

# As in Kestrel. With the 5 s of uvicorn, connections are often closed just when a client reuses them.
KEEP_ALIVE_SECONDS = 130

DEFAULT_PORT = 7071
DEFAULT_GRACE = 4.5  # seconds; less than the supervisor waits before it kills a host that it hurries

# Takes a line for the supervisor; see `announcements`.
type Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. `port` None: that of local.settings.json, else 7071. `grace` in seconds.

    `socket`: the descriptor of an inherited socket that listens, instead of `port`. `standby`: the listeners start at
    `take_over`. `first`: the URL of the app's first process, if this is a further one, which has no listeners.
    `arguments`: the command line itself, for further processes. `audience`: of the tokens that callers may have, if
    they are verified; `anonymous`: whether callers without one are served.
    """

    app: Path
    name: str
    state: Path
    port: int | None = None
    enable_auth: bool = False
    grace: float = DEFAULT_GRACE
    socket: int | None = None
    standby: bool = False
    first: str | None = None
    arguments: tuple[str, ...] = ()
    audience: str | None = None
    anonymous: bool = True


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address. Raises StartError."""
    try:
        return listening_socket(port)
    except OSError as error:
        fix = "stop the process that uses it, or choose another port with --port"
        raise StartError(f"port {port}: {error.strerror}; {fix}") from None


class Host:
    """`run()` serves until `stop()` or `hurry()` is called."""

    def __init__(self, options: Options, host_json: HostJson, settings: LocalSettings) -> None:
        self._options = options
        self._host_json = host_json
        self._settings = settings
        self._worker = Worker(host_json.timeout)
        self._stopping, self._hurried = asyncio.Event(), asyncio.Event()
        self._standing_by: Listeners | None = None
        self._listeners: Listeners | None = None

    @property
    def is_further(self) -> bool:
        """Whether it is not the app's first process, and ends with that."""
        return self._options.first is not None

    def take_over(self) -> None:
        """Starts the listeners of a host that stands by: its predecessor has ended its own."""
        if self._standing_by is not None and not self._stopping.is_set():
            self._standing_by.start()
        self._standing_by = None

    def read_clock(self) -> None:
        """The emulators' clock was moved: timers follow it."""
        try:
            if self._listeners is not None:
                self._listeners.read_clock()
        except ClockFileError as error:
            logger.error("the clock of the timers was not moved: %s", error)  # noqa: TRY400  # a stack trace adds nothing

    def stop(self) -> None:
        """Ends the host. Calls that have arrived are answered; idle connections are closed after a while."""
        self._stopping.set()

    def hurry(self) -> None:
        """Ends the host without waiting for idle connections, and for running functions DEFAULT_GRACE at most."""
        self._hurried.set()
        self._stopping.set()

    async def run(self, announce: Announce) -> None:
        """Loads the app, warms it up, listens, announces it, and returns after `stop()`. Raises StartError."""
        count = 1 if self.is_further else process_count()
        listening = self._listening()
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        indexed = await index_app(self._options.app, app_settings.expand_settings)
        functions = [_with_disabled(function) for function in indexed if self._is_selected(function)]
        listeners = Listeners(
            () if self.is_further else functions,
            self._worker,
            self._host_json.extensions,
            self._options.name,
            self._options.state,
        )
        self._listeners = listeners
        server = HttpServer(self._application(functions, listeners, url), keep_alive=KEEP_ALIVE_SECONDS)
        # Where the further processes, which accept from the same socket, find this one.
        own = [listening_socket(0)] if count > 1 else []
        workers = WorkerProcesses(count - 1, self._arguments_of_workers(own), listening)
        await self._unless_stopped(self._warm_up(functions, workers))
        serving = asyncio.create_task(server.serve_on(listening, *own))
        if self._options.standby:
            self._standing_by = listeners
        else:
            listeners.start()
        await server.ready.wait()
        _log_functions(functions)
        announce(f"{READY} {url}")
        self.read_clock()  # of a move that was announced to processes that are ready
        await self._stopping.wait()
        await self._shut_down(_Running(server, serving, listeners, workers), announce)

    def _arguments_of_workers(self, own: Sequence[socket.socket]) -> list[str]:
        return [*self._options.arguments, *(f"--first=http://{HOST}:{each.getsockname()[1]}" for each in own)]

    def _listening(self) -> socket.socket:
        if self._options.socket is not None:
            return inherited_socket(self._options.socket)
        port = self._options.port if self._options.port is not None else self._settings.host.local_http_port
        return listen(DEFAULT_PORT if port is None else port)

    async def _unless_stopped(self, starting: Coroutine[Any, Any, None]) -> None:
        """Runs `starting`, or its beginning if the host is stopped meanwhile."""
        beginning, stopping = asyncio.create_task(starting), asyncio.create_task(self._stopping.wait())
        await asyncio.wait({beginning, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (beginning, stopping):
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if not beginning.cancelled():
            await beginning

    async def _warm_up(self, functions: Sequence[Function], workers: WorkerProcesses) -> None:
        await asyncio.gather(run_warm_up(functions, self._worker), workers.ready())

    def _is_selected(self, function: Function) -> bool:
        return self._host_json.functions is None or function.name in self._host_json.functions

    def _application(
        self, functions: Sequence[Function], listeners: Listeners, url: str
    ) -> Application | ForwardingApplication:
        section = self._host_json.extensions.http
        http = HttpFunctions(functions, section.route_prefix)
        admin = Admin(Catalog(functions, http.routes, url), self._worker, listeners)
        options = HttpOptions(
            section=section,
            cors=Cors(self._settings.host.cors, credentials=self._settings.host.cors_credentials),
            keys=self._keys(functions) if self._options.enable_auth else None,
            home_page=not app_settings.is_true("AzureWebJobsDisableHomepage"),
            authentication=self._authentication(),
        )
        application = Application(self._worker, http, admin, options)
        first = self._options.first
        return application if first is None else ForwardingApplication(application, first)

    def _authentication(self) -> Authentication | None:
        options = self._options
        if options.audience is None:
            return None
        return Authentication(options.audience, options.state, anonymous=options.anonymous)

    def _keys(self, functions: Sequence[Function]) -> Keys:
        file = self._options.state / f"keys-{self._options.name}.json"
        logger.info("access keys are enforced; they are in %s", file)
        return Keys.load(file, [function.name for function in functions])

    async def _shut_down(self, running: "_Running", announce: Announce) -> None:
        """Stops the listeners and HTTP, and waits for running invocations.

        After the grace period they are abandoned; their locks expire.
        """
        try:
            async with asyncio.timeout(self._options.grace) as limit:
                hurrying = asyncio.create_task(self._when_hurried(running, limit))
                releasing = asyncio.create_task(_release(running.listeners, announce))
                await asyncio.sleep(0)
                running.server.drain()
                running.workers.drain()
                await asyncio.gather(releasing, running.serving, running.workers.ended())
                await self._worker.idle()
        except TimeoutError:
            logger.warning("%d invocation(s) still ran at the end of the grace period", self._worker.outstanding)
        finally:
            hurrying.cancel()

    async def _when_hurried(self, running: "_Running", limit: asyncio.Timeout) -> None:
        await self._hurried.wait()
        running.server.hurry()
        running.workers.hurry()
        limit.reschedule(min(limit.when() or math.inf, asyncio.get_running_loop().time() + DEFAULT_GRACE))


@dataclass(frozen=True, slots=True)
class _Running:
    """What ends with the host. `serving`: the task of `server`."""

    server: HttpServer
    serving: asyncio.Task[None]
    listeners: Listeners
    workers: WorkerProcesses


async def _release(listeners: Listeners, announce: Announce) -> None:
    await listeners.drain()
    announce(RELEASED)


def _with_disabled(function: Function) -> Function:
    return replace(function, disabled=app_settings.is_disabled(function.name))


def _log_functions(functions: Sequence[Function]) -> None:
    for function in functions:
        suffix = " (disabled)" if function.disabled else ""
        logger.info("function %s: %s%s", function.name, function.trigger_type, suffix)


def load_settings(options: Options) -> tuple[HostJson, LocalSettings]:
    """Reads the app's files, and adds the settings of local.settings.json to the environment. Raises StartError."""
    if not options.app.is_dir():
        raise StartError(f"{options.app}: there is no such folder; name the app's folder with --app")
    settings = LocalSettings.load(options.app)
    settings.apply(os.environ)
    return HostJson.load(options.app), settings
