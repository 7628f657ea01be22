"""Output for people: with colours on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from local_azure.configuration import Welcome
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
    Kind.LEFT_OUT: "yellow",
}
STATE_COLOURS = {
    State.RUNNING: "green",
    State.STOPPED: "yellow",
    State.LEFT_OUT: "yellow",
    State.RESTARTING: "red",
}
COLUMNS = ("SERVICE", "STATE", "PID", "ADDRESS", "UPTIME", "RESTARTS")
TRANSIENT = (Kind.STARTING, Kind.STOPPING)


class Console:
    """Writes progress and tables to stdout. `with Console() as console:` shows a spinner until the block ends."""

    def __init__(self) -> None:
        self._rich = RichConsole(highlight=False) if sys.stdout.isatty() else None
        self._spinner: Status | None = None
        self._in_progress: dict[str, Kind] = {}

    def __enter__(self) -> Self:
        if self._rich is not None:
            self._spinner = self._rich.status("")
            self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_spinner()

    def stop_spinner(self) -> None:
        """Removes the spinner before the block ends."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def print_event(self, event: Event) -> None:
        """Shows a change that is in progress in the spinner, and a completed one as a line."""
        if event.kind in TRANSIENT and self._rich is not None:
            self._in_progress[event.service] = event.kind
        else:
            self._in_progress.pop(event.service, None)
            self._line(event)
        if self._spinner is not None:
            self._spinner.update(", ".join(f"{name} is {kind}" for name, kind in self._in_progress.items()))

    def print(self, text: str, style: str = "") -> None:
        if self._rich is not None:
            self._rich.print(escape(text), style=style or None, soft_wrap=True)
        else:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def print_status(self, services: Sequence[ServiceStatus]) -> None:
        rows = [_row(service) for service in services]
        if self._rich is None:
            for line in aligned([COLUMNS, *rows]):
                self.print(line)
        else:
            self._rich.print(self._table(services, rows))
        for service in services:
            if service.cause:
                self.print(f"{service.name} is left out: {service.cause}")

    def _table(self, services: Sequence[ServiceStatus], rows: Sequence[tuple[str, ...]]) -> Table:
        table = Table(*COLUMNS, box=None, header_style="bold")
        for service, row in zip(services, rows, strict=True):
            state = f"[{STATE_COLOURS.get(service.state, 'default')}]{row[1]}[/]"
            table.add_row(row[0], state, *row[2:])
        return table

    def print_welcome(self, ports: Mapping[str, int], welcome: Welcome, services: Sequence[ServiceStatus]) -> None:
        """Shows the ports of the services that are running, and the calls to copy. `ports`: of all."""
        absent = {port for service in services if service.state is not State.RUNNING for port in service.ports}
        addresses = (f"{name} {port}" for name, port in ports.items() if port not in absent)
        self.print(f"\nRunning on 127.0.0.1: {', '.join(addresses)}", "bold green")
        if welcome.text:
            self.print(resolve(welcome.text, ports, "welcome.text"))
        for call in welcome.calls:
            self.print(f"  {resolve(call, ports, 'welcome.calls')}", "cyan")

    def _line(self, event: Event) -> None:
        name = f"{event.service:<13} " if event.service else ""
        kind = "" if event.kind is Kind.NOTICE else f"{event.kind.value:<9} "
        if self._rich is not None:
            kind = f"[{COLOURS[event.kind]}]{kind}[/]" if kind else ""
            self._rich.print(f"{name}{kind}{escape(event.detail)}", soft_wrap=True)
        else:
            self.print(f"{name}{kind}{event.detail}".rstrip())


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines of text, with columns as wide as their widest cell."""
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
