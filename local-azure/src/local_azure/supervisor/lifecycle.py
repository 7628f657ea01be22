"""One run of the stack: prepared, started, watched until somebody wants it to end, ended."""

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from local_azure.azurite import installation
from local_azure.configuration import Configuration
from local_azure.connection_strings import connection_strings
from local_azure.supervisor.control import ControlServer
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.plan import Place, plan
from local_azure.supervisor.ports import assign_ports, configured_ports
from local_azure.supervisor.services import Service
from local_azure.supervisor.state_folder import ProcessIdentity, Running, StateFolder
from local_azure.supervisor.supervisor import Supervisor

LOG_CHECK_SECONDS = 2.0
SAMPLE, SETTINGS = "local.settings.sample.json", "local.settings.json"


@dataclass(frozen=True)
class StackOptions:
    """What to run: the services that `only` names, or all if it is empty, of the settings file `config`."""

    config: Path
    only: Collection[str] = ()
    free_ports: bool = False


@dataclass(frozen=True)
class Prepared:
    """A stack that could be started: the state folder is locked, the ports are free, everything is installed.

    `running` is what running.json will say of it, but for the control connection and the processes.
    """

    state: StateFolder
    services: list[Service]
    running: Running


def prepare(options: StackOptions, state: StateFolder, report: Report) -> Prepared:
    """Checks and gets everything that is needed. Raises ConfigurationError; StackError."""

    def notice(text: str) -> None:
        report(Event(Kind.NOTICE, detail=text))

    whole = Configuration.load(options.config)
    configuration = whole.restricted_to(options.only)
    state.prepare()
    state.lock()
    if orphans := state.end_orphans():
        notice(f"ended what a killed run had left: {', '.join(orphans)}")
    configured = configured_ports(whole)
    started = {port.name for port in configured_ports(configuration)}
    not_started = {port.name for port in configured} - started
    ports = assign_ports(configured, all_free=options.free_ports, not_started=not_started)
    for name in configuration.apps:
        _copy_sample(configuration.folder / configuration.apps[name].folder, notice)
    place = Place(options.config.resolve(), state.folder, ports)
    with_azurite = configuration.azurite is not None and _has_azurite(notice)
    services = plan(configuration, place, with_azurite=with_azurite)
    running = Running(
        supervisor=ProcessIdentity.of(os.getpid()),
        config=place.config,
        control_port=0,
        token=secrets.token_urlsafe(32),
        services=[service.name for service in services],
        ports={name: port for name, port in ports.items() if name in started},
        connection_strings=connection_strings(configuration, ports),
    )
    return Prepared(state, services, running)


async def run(prepared: Prepared, report: Report, on_up: Callable[[Running], None]) -> None:
    """Runs the stack until SIGINT, SIGTERM, SIGHUP or `down`; a second signal ends it by force.

    `on_up` is called once all services are ready. Raises StartError if one does not become so.
    """
    supervisor = Supervisor(prepared.services, prepared.state)
    supervisor.listeners.append(report)
    wanted_down, is_down = asyncio.Event(), asyncio.Event()

    async def shut_down() -> None:
        wanted_down.set()
        await is_down.wait()

    control = ControlServer(supervisor, prepared.running.token, shut_down)
    running = prepared.running.model_copy(update={"control_port": await control.start()})
    supervisor.listeners.append(lambda _: _record(running, supervisor, prepared.state))
    _record(running, supervisor, prepared.state)
    _end_on_signals(wanted_down, supervisor)
    limiting = asyncio.create_task(_limit_logs(prepared.state))
    starting = asyncio.create_task(supervisor.start_all())
    waiting = asyncio.create_task(wanted_down.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            on_up(running)
            await waiting
    finally:
        starting.cancel()
        waiting.cancel()
        limiting.cancel()
        control.cancel_changes()
        await asyncio.gather(starting, return_exceptions=True)
        await supervisor.stop_all()
        prepared.state.remove_running()
        prepared.state.unlock()
        is_down.set()
        await control.close()


def _end_on_signals(wanted_down: asyncio.Event, supervisor: Supervisor) -> None:
    def end() -> None:
        if wanted_down.is_set():
            supervisor.kill_all()
        wanted_down.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # `nohup` wants it to survive the terminal.
        loop.add_signal_handler(signal.SIGHUP, end)


def _record(running: Running, supervisor: Supervisor, state: StateFolder) -> None:
    processes = {status.name: ProcessIdentity.of(status.pid) for status in supervisor.status() if status.pid}
    state.write_running(running.model_copy(update={"processes": processes}))


async def _limit_logs(state: StateFolder) -> None:
    while True:
        await asyncio.sleep(LOG_CHECK_SECONDS)
        state.limit_logs()


def _has_azurite(notice: Callable[[str], None]) -> bool:
    try:
        installation.install(notice)
    except installation.AzuriteUnavailableError as error:
        notice(f"{error} Everything else starts without it.")
        return False
    return True


def _copy_sample(app: Path, notice: Callable[[str], None]) -> None:
    sample, settings = app / SAMPLE, app / SETTINGS
    if sample.exists() and not settings.exists():
        shutil.copyfile(sample, settings)
        notice(f"made {settings} from {SAMPLE}")
