"""What people see: rich on a terminal, plain lines anywhere else."""

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from local_azure.configuration import WelcomeSection
from local_azure.supervisor.events import Event, Kind
from local_azure.supervisor.ports import resolve
from local_azure.supervisor.services import State
from local_azure.supervisor.supervisor import ServiceStatus

COLOURS = {
    Kind.NOTICE: "dim",
    Kind.STARTING: "dim",
    Kind.READY: "green",
    Kind.DIED: "red",
    Kind.STOPPING: "dim",
    Kind.STOPPED: "yellow",
}
STATE_COLOURS = {State.RUNNING: "green", State.STOPPED: "yellow", State.RESTARTING: "red"}
COLUMNS = ("SERVICE", "STATE", "PID", "ADDRESS", "UPTIME", "RESTARTS")
PASSING = (Kind.STARTING, Kind.STOPPING)


class Console:
    """Writes progress and tables to stdout. Use it as `with Console() as console` around work that takes time."""

    def __init__(self) -> None:
        self._rich = RichConsole(highlight=False) if sys.stdout.isatty() else None
        self._busy: Status | None = None
        self._under_way: dict[str, Kind] = {}

    def __enter__(self) -> Self:
        if self._rich is not None:
            self._busy = self._rich.status("")
            self._busy.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest()

    def rest(self) -> None:
        """Takes the spinner away: nothing is under way any more."""
        if self._busy is not None:
            self._busy.stop()
            self._busy = None

    def event(self, event: Event) -> None:
        """Shows progress: what has begun in the spinner, what has happened as a line."""
        if event.kind in PASSING and self._rich is not None:
            self._under_way[event.service] = event.kind
        else:
            self._under_way.pop(event.service, None)
            self._line(event)
        if self._busy is not None:
            self._busy.update(", ".join(f"{name} is {kind}" for name, kind in self._under_way.items()))

    def say(self, text: str, style: str = "") -> None:
        if self._rich is not None:
            self._rich.print(escape(text), style=style or None, soft_wrap=True)
        else:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def status(self, services: Sequence[ServiceStatus]) -> None:
        rows = [_row(service) for service in services]
        if self._rich is None:
            for line in aligned([COLUMNS, *rows]):
                self.say(line)
            return
        table = Table(*COLUMNS, box=None, header_style="bold")
        for service, row in zip(services, rows, strict=True):
            state = f"[{STATE_COLOURS.get(service.state, 'default')}]{row[1]}[/]"
            table.add_row(row[0], state, *row[2:])
        self._rich.print(table)

    def welcome(self, ports: Mapping[str, int], welcome: WelcomeSection) -> None:
        """Where everything listens, and calls to copy."""
        listening = (f"{name} {port}" for name, port in ports.items())
        self.say(f"\nRunning. Ports on 127.0.0.1: {', '.join(listening)}", "bold green")
        if welcome.text:
            self.say(resolve(welcome.text, ports, "welcome.text"))
        for call in welcome.calls:
            self.say(f"  {resolve(call, ports, 'welcome.calls')}", "cyan")

    def _line(self, event: Event) -> None:
        name = f"{event.service:<13} " if event.service else ""
        kind = "" if event.kind is Kind.NOTICE else f"{event.kind.value:<9} "
        if self._rich is not None:
            kind = f"[{COLOURS[event.kind]}]{kind}[/]" if kind else ""
            self._rich.print(f"{name}{kind}{escape(event.detail)}", soft_wrap=True)
        else:
            self.say(f"{name}{kind}{event.detail}".rstrip())


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text with columns as wide as their widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def duration(seconds: float) -> str:
    """Like `42 s`, `7 min 5 s`, `3 h 20 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _row(service: ServiceStatus) -> tuple[str, ...]:
    runs = service.state is State.RUNNING
    return (
        service.name,
        service.state.value,
        str(service.pid or "-"),
        service.address or "-",
        duration(service.uptime) if runs else "-",
        str(service.restarts),
    )
