"""One run of a stack: prepare, start, wait for the end, stop."""

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from local_azure.configuration import Configuration, Welcome
from local_azure.connection_strings import connection_strings
from local_azure.identity.key import create_key
from local_azure.movable_clock import duration_text, read_seconds_ahead
from local_azure.os_errors import explained
from local_azure.settings_of_run import read_settings_of_run
from local_azure.supervisor import open_files
from local_azure.supervisor.control import ControlServer
from local_azure.supervisor.events import Event, Kind, Report
from local_azure.supervisor.plan import StackLayout, plan
from local_azure.supervisor.ports import assign_ports, configured_ports, shadowed
from local_azure.supervisor.reloading import Reloading
from local_azure.supervisor.services import Service, StackError
from local_azure.supervisor.state_folder import ProcessIdentity, Running, StateFolder, limit_log
from local_azure.supervisor.supervisor import ServiceStatus, Supervisor
from local_azure.supervisor.trouble import Trouble

LOG_CHECK_SECONDS = 2.0
SAMPLE, SETTINGS = "local.settings.sample.json", "local.settings.json"

type OnUp = Callable[[Running, list[ServiceStatus]], None]


@dataclass(frozen=True)
class StackOptions:
    """Which services of the settings file `config` to run: those that `only` names; if it is empty, all.

    `reload`: whether apps are restarted when their code changes. `settings`: a file with settings of every app, which
    override all others, and which is read again whenever an app starts.
    """

    config: Path
    only: Collection[str] = ()
    free_ports: bool = False
    reload: bool = False
    settings: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """A stack that can start: the state folder is locked, the ports are free.

    `ports`: those its services will listen on. `warnings`: what works, but not as users may expect. `reloaded`: the
    apps that are restarted when something in their folders changes.
    """

    state: StateFolder
    services: list[Service]
    layout: StackLayout
    ports: dict[str, int]
    connection_strings: dict[str, str]
    warnings: list[str]
    reloaded: dict[str, Path]


def prepare(options: StackOptions, state: StateFolder, report: Report) -> Prepared:
    """Checks the settings, locks the state folder, assigns ports, raises the limit of open files.

    Raises ConfigurationError; StackError.
    """

    def notice(text: str) -> None:
        report(Event(Kind.NOTICE, detail=text))

    whole = Configuration.load(options.config)
    configuration = whole.restricted_to(options.only).for_run(_common_settings(whole, options), options.only)
    state.prepare()
    state.lock()
    if orphans := state.end_orphans():
        notice(f"ended the services of a killed run: {', '.join(orphans)}")
    configured = configured_ports(whole)
    started = {port.name for port in configured_ports(configuration)}
    not_started = {port.name for port in configured} - started
    ports = assign_ports(configured, all_free=options.free_ports, not_started=not_started)
    for name in configuration.apps:
        _copy_sample(configuration.folder / configuration.apps[name].folder, notice)
    if configuration.has_identities:
        create_key(state.folder)
    settings = options.settings.resolve() if options.settings else None
    layout = StackLayout(options.config.resolve(), state.folder, ports, settings)
    layout.check_settings_of_run(whole.apps)  # a mistake is told before anything starts
    services = plan(configuration, layout, required=options.only)
    own_ports = {name: port for name, port in ports.items() if name in started}
    too_few_files = open_files.warning(open_files.raise_limit())
    warnings = shadowed([port for port in configured if port.name in started], ports)
    warnings += [too_few_files] if too_few_files else []
    warnings += _moved_clock(services, state)
    folders = {service.name: service.folder for service in services if service.name in configuration.apps}
    return Prepared(
        state=state,
        services=services,
        layout=layout,
        ports=own_ports,
        connection_strings=connection_strings(configuration, ports),
        warnings=warnings,
        reloaded=folders if options.reload else {},
    )


def welcome_of(options: StackOptions) -> Welcome:
    """What to print once the stack is up. Raises ConfigurationError."""
    whole = Configuration.load(options.config)
    return whole.welcome.chosen(_common_settings(whole, options))


def _common_settings(whole: Configuration, options: StackOptions) -> dict[str, str]:
    """The settings of all apps, with their placeholders. Raises ConfigurationError."""
    of_run = read_settings_of_run(options.settings).values if options.settings else {}
    return {**os.environ, **whole.settings, **of_run}


def _moved_clock(services: list[Service], state: StateFolder) -> list[str]:
    """Raises ConfigurationError if its file is not valid."""
    ahead = read_seconds_ahead(state.folder)
    if not ahead or not any(service.has_clock for service in services):
        return []
    return [f"The emulators' clock was moved, and is {duration_text(ahead)} ahead; `local-azure reset` sets it back."]


async def run(prepared: Prepared, listeners: list[Report], on_up: OnUp) -> None:
    """Runs the stack until SIGINT, SIGTERM, SIGHUP or `down`; a second signal ends it by force.

    Reports events to `listeners`, which may change. Calls `on_up` once all services are ready that are not optional.
    Raises StackError if one does not become ready.
    """
    supervisor = Supervisor(prepared.services, prepared.state, listeners)
    shutdown_requested, shutdown_complete = asyncio.Event(), asyncio.Event()

    async def shut_down() -> None:
        shutdown_requested.set()
        await shutdown_complete.wait()

    token = secrets.token_urlsafe(32)
    control = ControlServer(supervisor, token, shut_down)
    running = Running(
        supervisor=ProcessIdentity.of(os.getpid()),
        config=prepared.layout.config,
        control_port=await control.start(),
        token=token,
        services=[service.name for service in prepared.services],
        ports=prepared.ports,
        assigned_ports=dict(prepared.layout.ports),
        connection_strings=prepared.connection_strings,
        settings=prepared.layout.settings,
    )
    supervisor.listeners.append(lambda _: _record(running, supervisor, prepared.state))
    _record(running, supervisor, prepared.state)
    _end_on_signals(shutdown_requested, supervisor)
    _run_on_at_ctrl_z(supervisor)
    limiting = asyncio.create_task(_limit_logs(prepared.state, supervisor.report))
    starting = asyncio.create_task(supervisor.start_all())
    waiting = asyncio.create_task(shutdown_requested.wait())
    reloading = asyncio.create_task(_reload(prepared.reloaded, supervisor, starting))
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            for warning in prepared.warnings:
                supervisor.report(Event(Kind.NOTICE, detail=warning))
            on_up(running, supervisor.status())
            await waiting
    finally:
        starting.cancel()
        waiting.cancel()
        limiting.cancel()
        reloading.cancel()
        control.cancel_changes()
        await asyncio.gather(starting, reloading, return_exceptions=True)
        await supervisor.stop_all()
        try:
            prepared.state.remove_running()
        finally:
            prepared.state.unlock()
            shutdown_complete.set()
            await control.close()


async def _reload(folders: dict[str, Path], supervisor: Supervisor, starting: asyncio.Task[None]) -> None:
    if folders:
        await asyncio.wait({starting})
        await Reloading(folders, supervisor.reload, supervisor.report).run()


def _end_on_signals(shutdown_requested: asyncio.Event, supervisor: Supervisor) -> None:
    def end() -> None:
        if shutdown_requested.is_set():
            supervisor.kill_all()
        shutdown_requested.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Not under `nohup`, where it has to outlive the terminal.
        loop.add_signal_handler(signal.SIGHUP, end)


def _run_on_at_ctrl_z(supervisor: Supervisor) -> None:
    """A stopped supervisor reads no output, so the services would hang sooner or later, and obeys no command."""

    def explain() -> None:
        supervisor.report(
            Event(Kind.NOTICE, detail="Ctrl-Z does not pause the services. Ctrl-C ends them, after `fg` if necessary.")
        )

    asyncio.get_running_loop().add_signal_handler(signal.SIGTSTP, explain)


def _record(running: Running, supervisor: Supervisor, state: StateFolder) -> None:
    processes = {status.name: ProcessIdentity.of(status.pid) for status in supervisor.status() if status.pid}
    state.write_running(running.model_copy(update={"processes": processes}))


async def _limit_logs(state: StateFolder, report: Report) -> None:
    troubles: dict[Path, Trouble] = {}
    unlisted = Trouble(report, "", "the logs are not kept short")
    while True:
        await asyncio.sleep(LOG_CHECK_SECONDS)
        try:
            for log in state.log_files():
                _limit_log(log, troubles.setdefault(log, Trouble(report, log.stem, "its log is not kept short")))
        except Exception as error:  # the loop outlives any error
            unlisted.caused_by(error)
        else:
            unlisted.over()


def _limit_log(log: Path, trouble: Trouble) -> None:
    try:
        limit_log(log)
    except Exception as error:  # a log that cannot be kept short must not hinder the others
        trouble.caused_by(error)
    else:
        trouble.over()


def _copy_sample(app: Path, notice: Callable[[str], None]) -> None:
    sample, settings = app / SAMPLE, app / SETTINGS
    if sample.exists() and not settings.exists():
        try:
            shutil.copyfile(sample, settings)
        except OSError as error:
            raise StackError(f"{SAMPLE} cannot be copied: {explained(error)}") from None
        notice(f"created {settings} from {SAMPLE}")
