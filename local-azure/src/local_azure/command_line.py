"""`python -m local_azure …`: the commands of the local Azure."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from local_azure.configuration import DEFAULT_FILE, DEFAULT_STATE, Configuration, ConfigurationError, WelcomeSection
from local_azure.console import Console
from local_azure.log_view import follow, tail
from local_azure.stack import NotRunningError, Stack
from local_azure.supervisor.events import Event, Report
from local_azure.supervisor.journal import journal
from local_azure.supervisor.lifecycle import StackOptions, prepare, run
from local_azure.supervisor.services import StackError, State
from local_azure.supervisor.state_folder import Running, StateFolder

FAILED, WRONG, NOT_RUNNING = 1, 2, 3

EXAMPLES = """The function apps of this folder with everything they need of Azure, on this machine.

\b
Examples:
  python -m local_azure up                    start everything; Ctrl-C ends it
  python -m local_azure up --detach           start it in the background
  python -m local_azure up --only cosmos      start a single service
  python -m local_azure status                what runs, and where it listens
  python -m local_azure logs kakao -f         what the service kakao logs, as it comes
  python -m local_azure stop kakao            see how the others do without kakao
  python -m local_azure start kakao
  python -m local_azure down                  end everything; the data stays
  python -m local_azure reset                 delete the data

\b
A second one at the same time, for tests:
  python -m local_azure up --detach --free-ports --state /tmp/second
  python -m local_azure down --state /tmp/second
"""

app = typer.Typer(help=EXAMPLES, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The settings file.")]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="FOLDER", help="Where data and logs are kept. Default: .local-azure beside FILE."),
]
ServiceArgument = Annotated[str, typer.Argument(help="Its name, as `status` shows it.")]


def main() -> None:
    """Runs a command. Exit codes: 0 done, 1 failed, 2 wrong settings or arguments, 3 nothing runs."""
    try:
        app(prog_name="python -m local_azure")
    except NotRunningError as error:
        _fail(f"{error}; start it with `up`", NOT_RUNNING)
    except ConfigurationError as error:
        _fail(str(error), WRONG)
    except StackError as error:
        _fail(str(error), FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def up(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="SERVICE", help="Start only this service; may be repeated.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Go on in the background; `down` ends it.")] = False,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Take free ports, not those of FILE.")] = False,
) -> None:
    """Start everything, and say where it listens."""
    folder = _state(config, state)
    options = StackOptions(config, only or (), free_ports)
    # The calls to copy are written for a whole stack.
    welcome = WelcomeSection() if only else Configuration.load(config).welcome
    with Console() as console:
        if detach:
            stack = Stack.start_in_background(options, folder.folder, console.event)
            console.rest()
            console.welcome(stack.running.ports, welcome)
            return
        prepared = prepare(options, folder, console.event)

        def on_up(running: Running) -> None:
            console.rest()
            console.welcome(running.ports, welcome)
            console.say("Ctrl-C ends it.", "dim")

        with journal(folder) as record:

            def report(event: Event) -> None:
                record(event)
                console.event(event)

            asyncio.run(run(prepared, report, on_up))


@app.command()
def down(config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """End everything. The data stays."""
    folder = _state(config, state)
    with Console() as console:
        if not folder.is_locked and folder.read_running() is not None:
            console.say(f"ended what a killed run had left: {', '.join(folder.end_orphans()) or 'nothing'}")
            return
        Stack(folder.folder).down(console.event)


@app.command()
def status(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what runs. Exit code 0: every service does; 1: not every one; 3: nothing runs."""
    stack = Stack(_state(config, state).folder)
    services = stack.status()
    if as_json:
        document = {"ports": stack.running.ports, "services": [service.model_dump() for service in services]}
        typer.echo(json.dumps(document, indent=2))
    else:
        Console().status(services)
    if any(service.state is not State.RUNNING for service in services):
        raise typer.Exit(FAILED)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="Its name; without one: all, and the supervisor.")] = "",
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, metavar="N", help="How many of the last lines.")] = 20,
) -> None:
    """Show what the services have logged, whether they run or not."""
    folder = _state(config, state)
    files = folder.log_files() if not service else [folder.log_file(service)]
    if not files or not files[0].exists():
        known = ", ".join(file.stem for file in folder.log_files()) or "none at all"
        raise StackError(f"there is no log of {service or 'any service'} in {folder.folder}; there are: {known}")
    tail(files, lines, typer.echo)
    if following:
        follow(files, typer.echo)


@app.command()
def stop(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Stop one service; the others go on."""
    with Console() as console:
        _change(Stack(_state(config, state).folder).stop_service, service, console, "is stopped already")


@app.command()
def start(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Start a stopped service again, on the same port."""
    with Console() as console:
        _change(Stack(_state(config, state).folder).start_service, service, console, "runs already")


@app.command()
def restart(service: ServiceArgument, config: ConfigOption = DEFAULT_FILE, state: StateOption = None) -> None:
    """Stop one service and start it again."""
    with Console() as console:
        Stack(_state(config, state).folder).restart_service(service, console.event)


@app.command()
def reset(
    config: ConfigOption = DEFAULT_FILE,
    state: StateOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="End what runs without asking.")] = False,
) -> None:
    """Delete all data and logs."""
    folder = _state(config, state)
    with Console() as console:
        if folder.is_locked:
            console.rest()
            if not force and not (sys.stdin.isatty() and typer.confirm("It runs. End it and delete its data?")):
                raise StackError("it runs; end it first (Ctrl-C, or `python -m local_azure down`), or say --force")
            Stack(folder.folder).down(console.event)
        folder.end_orphans()
        folder.empty()
        console.say(f"deleted {folder.folder}")


def _change(change: Callable[[str, Report], None], service: str, console: Console, otherwise: str) -> None:
    """Says `otherwise` of the service where nothing has to happen."""
    happened: list[Event] = []

    def report(event: Event) -> None:
        happened.append(event)
        console.event(event)

    change(service, report)
    if not happened:
        console.say(f"{service} {otherwise}")


def _state(config: Path, state: Path | None) -> StateFolder:
    return StateFolder(state or config.resolve().parent / DEFAULT_STATE)


def _fail(reason: str, code: int) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    sys.exit(code)
