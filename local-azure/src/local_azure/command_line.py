"""The commands: `local-azure …`."""

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, ConfigurationError, Welcome
from local_azure.console import Console
from local_azure.log_view import follow, tail
from local_azure.movable_clock import duration_text, parse_duration
from local_azure.os_errors import explained
from local_azure.stack import NotRunningError, Stack
from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.journal import journal
from local_azure.supervisor.lifecycle import StackOptions, prepare, run, welcome_of
from local_azure.supervisor.services import StackError, State
from local_azure.supervisor.state_folder import Running, StateFolder
from local_azure.supervisor.supervisor import ServiceStatus

PROGRAM = "local-azure"
FAILED, INVALID, NOT_RUNNING = 1, 2, 3

EXAMPLES = """Run the function apps of a folder with the Azure services they need, on this machine.

\b
Examples:
  local-azure up                    start everything; Ctrl-C ends it
  local-azure up --detach           start it in the background
  local-azure up --reload           restart an app when its code changes
  local-azure up --only cosmos      start a single service
  local-azure status                show what is running, and where
  local-azure logs orders -f        follow the log of the service orders
  local-azure stop orders           see how the others behave without it
  local-azure start orders
  local-azure clock --advance 5d    let five days pass for the emulators: see what expires
  local-azure down                  end everything; the data stays
  local-azure reset                 delete the data

\b
A second stack at the same time, for tests:
  local-azure up --detach --free-ports --state /tmp/second
  local-azure down --state /tmp/second
"""

app = typer.Typer(help=EXAMPLES, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The settings file.")]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="FOLDER", help="The folder for data and logs. Default: .local-azure beside FILE."),
]
ServiceArgument = Annotated[str, typer.Argument(help="The name that `status` shows.")]


def main() -> None:
    """Exit codes: 0 success, 1 failure, 2 invalid settings or arguments, 3 nothing is running."""
    try:
        app(prog_name=PROGRAM)
    except NotRunningError as error:
        _fail(f"{error}; start it with `up`", NOT_RUNNING)
    except ConfigurationError as error:
        _fail(str(error), INVALID)
    except StackError as error:
        _fail(str(error), FAILED)
    except OSError as error:
        _fail(explained(error), FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def up(  # noqa: PLR0913 each is an option of the command
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="SERVICE", help="Start only this service; may be repeated.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background; `down` ends it.")] = False,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Use free ports instead of those in FILE.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart an app when its code changes.")] = False,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="JSON", help="Settings of this run, of every app or of one."),
    ] = None,
) -> None:
    """Start the services and show their addresses."""
    folder = _state(config, state)
    options = StackOptions(config, only or (), free_ports, reload, settings)
    # Its calls are written for the whole stack.
    welcome = Welcome() if only else welcome_of(options)
    with Console() as console:
        if detach:
            stack = Stack.start_in_background(options, folder.folder, console.print_event)
            services = stack.status()
            console.stop_spinner()
            console.print_welcome(stack.running.ports, welcome, services)
            return
        prepared = prepare(options, folder, console.print_event)

        def on_up(running: Running, services: list[ServiceStatus]) -> None:
            console.stop_spinner()
            console.print_welcome(running.ports, welcome, services)
            console.print("Press Ctrl-C to end.", "dim")

        with journal(folder) as record:
            asyncio.run(run(prepared, [record, console.print_event], on_up))


@app.command()
def down(config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """End all services. The data stays."""
    folder = _state(config, state)
    with Console() as console:
        if not folder.is_locked and folder.read_running() is not None:
            console.print(f"ended the services of a killed run: {', '.join(folder.end_orphans()) or 'none'}")
            return
        Stack(folder.folder).down(console.print_event)


@app.command()
def status(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show the state of the services. Exit code 0: all that are needed run; 1: some do not; 3: there is no stack."""
    stack = Stack(_state(config, state).folder)
    services = stack.status()
    if as_json:
        document = {"ports": stack.running.ports, "services": [service.model_dump() for service in services]}
        typer.echo(json.dumps(document, indent=2))
    else:
        Console().print_status(services)
    if any(service.state is not State.RUNNING and not service.optional for service in services):
        raise typer.Exit(FAILED)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="A service, or `supervisor`. Default: all of them.")] = "",
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, metavar="N", help="Start with the last N lines.")] = 20,
) -> None:
    """Show the logs, whether the services are running or not."""
    folder = _state(config, state)
    files = folder.log_files() if not service else [folder.log_file(service)]
    if not files or not files[0].exists():
        present = ", ".join(file.stem for file in folder.log_files()) or "none"
        raise StackError(f"there is no log of {service or 'any service'} in {folder.folder}; there are: {present}")
    tail(files, lines, typer.echo)
    if following:
        follow(files, typer.echo)


@app.command()
def stop(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Stop one service; the others keep running."""
    with Console() as console:
        _change(Stack(_state(config, state).folder).stop_service, service, console, "is already stopped")


@app.command()
def start(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Start a stopped service, on the same port as before."""
    with Console() as console:
        _change(Stack(_state(config, state).folder).start_service, service, console, "is already running")


@app.command()
def restart(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Restart one service. Apps and the gateway do so without losing a call."""
    with Console() as console:
        Stack(_state(config, state).folder).restart_service(service, console.print_event)


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def clock(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    advance: Annotated[
        int | None,
        typer.Option("--advance", metavar="DURATION", parser=_duration, help="For example 5d, 1h30m or 90s."),
    ] = None,
) -> None:
    """Show how far the clock of Cosmos DB and Service Bus is ahead, or move it ahead.

    What expires by then does so at once: items and messages with a time to live, and what duplicate detection
    remembers. Scheduled messages that are due are enqueued. Locks last as long as before. The clock stays ahead
    until `reset`. Azurite, apps and their timers keep the real time.
    """
    stack = Stack(_state(config, state).folder)
    ahead = stack.advance_clock(timedelta(seconds=advance or 0))
    now = datetime.now(UTC) + ahead
    text = f"{duration_text(round(ahead.total_seconds()))} ahead: {now:%Y-%m-%dT%H:%M:%SZ}" if ahead else "not ahead"
    typer.echo(f"The emulators' clock is {text}")


@app.command()
def reset(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="End a running stack without asking.")] = False,
) -> None:
    """Delete all data and logs."""
    folder = _state(config, state)
    with Console() as console:
        if folder.is_locked:
            console.stop_spinner()
            if not force and not (sys.stdin.isatty() and typer.confirm("It is running. End it and delete its data?")):
                raise StackError("it is running; end it first (Ctrl-C or `local-azure down`), or use --force")
            Stack(folder.folder).down(console.print_event)
        folder.end_orphans()
        folder.empty()
        console.print(f"deleted {folder.folder}")


def _change(change: Callable[[str, Report], None], service: str, console: Console, otherwise: str) -> None:
    """Prints that the service `otherwise` if there was nothing to do."""
    events: list[Event] = []

    def report(event: Event) -> None:
        events.append(event)
        console.print_event(event)

    change(service, report)
    if not events:
        console.print(f"{service} {otherwise}")


def _state(config: Path, state: Path | None) -> StateFolder:
    return StateFolder(state or config.resolve().parent / DEFAULT_STATE)


def _fail(reason: str, code: int) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    sys.exit(code)
