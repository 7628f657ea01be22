"""Plays a scenario's steps on a console: shows every call, response and stored document, and checks them."""

import copy
import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Self

from rich.console import Console
from rich.markup import escape

from tools.play.system import Response, System
from tools.play.waiting import EVENT_SECONDS

SHOWN_HEADERS = ("Location", "ETag", "Retry-After", "Preference-Applied", "Link", "WWW-Authenticate")
SHOWN_VALUE_LENGTH = 60  # a token is longer
SHOWN_ITEMS = 2  # of a list: enough to see their order


class StepFailed(Exception):
    """A step did not go as the scenario says. The message says what was expected."""


class Narrator[S: System]:
    """`event_seconds`: how long the effect of an event may take."""

    def __init__(self, system: S, console: Console, event_seconds: float = EVENT_SECONDS) -> None:
        self._system = system
        self._console = console
        self._event_seconds = event_seconds
        self._steps = 0
        self._caller = ""

    @property
    def system(self) -> S:
        return self._system

    @property
    def event_seconds(self) -> float:
        return self._event_seconds

    def of(self, caller: str, token: str) -> Self:
        """Makes and shows the calls of somebody with this token. It numbers no steps."""
        another = copy.copy(self)
        another._caller, another._system = f"{caller} ", self._system.signed_in(token)
        return another

    def step(self, title: str, korean: str) -> None:
        """Starts a step."""
        self._steps += 1
        self._console.print(f"\n[bold cyan]{self._steps}. {title}[/]  [dim]{korean}[/]")

    def say(self, text: str) -> None:
        self._console.print(f"   {escape(text)}")

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Calls the gateway; shows the request and the response."""
        shown = "".join(f" {name}: {_short(value)}" for name, value in (headers or {}).items())
        shown += f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        self._console.print(
            f"   {escape(self._caller)}[bold]→ {method} {escape(self.system.url(path))}[/]{escape(shown)}"
        )
        response = await self.system.call(method, path, json=body, headers=headers)
        self._show(response)
        return response

    def _show(self, response: Response) -> None:
        colour = "green" if response.status < 400 else "yellow"
        headers = "".join(f"  {name}: {response.headers[name]}" for name in SHOWN_HEADERS if name in response.headers)
        self._console.print(
            f"   [{colour}]← {response.status}[/]  [dim]{response.seconds * 1000:.0f} ms[/]{escape(headers)}"
        )
        if response.body is not None:
            text = json.dumps(_shortened(response.body), ensure_ascii=False, indent=2)
            self._console.print("\n".join(f"     {line}" for line in escape(text).splitlines()), style="dim")

    def show_stored(self, stored: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Shows documents by the names of their containers."""
        for name, documents in stored.items():
            for document in documents:
                self._console.print(f"   [blue]{name:<14}[/] {document['id']:<48} {_summary(document)}")
            if not documents:
                self._console.print(f"   [blue]{name:<14}[/] nothing")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Shows rows of cells; the first has the headings."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for number, row in enumerate(rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self._console.print(f"   {escape(line.rstrip())}", style="dim" if number else "bold")

    def expect(self, holds: bool, what: str) -> None:
        """Raises StepFailed."""
        if not holds:
            raise StepFailed(what)
        self._console.print(f"   [green]✔[/] {escape(what)}")

    async def expect_soon(self, what: str, waiting: Awaitable[float]) -> None:
        """Awaits one of the system's waits. Raises StepFailed."""
        try:
            seconds = await waiting
        except TimeoutError as error:
            raise StepFailed(str(error)) from None
        self.expect(holds=True, what=f"{what}, after {seconds:.1f} s")


def _short(value: str) -> str:
    return value if len(value) <= SHOWN_VALUE_LENGTH else f"{value[:SHOWN_VALUE_LENGTH]}…"


def _shortened(body: Any) -> Any:
    """A list response with only its first items."""
    if not (isinstance(body, dict) and "_embedded" in body):
        return body
    embedded = {
        name: [*items[:SHOWN_ITEMS], f"… {len(items) - SHOWN_ITEMS} more"] if len(items) > SHOWN_ITEMS else items
        for name, items in body["_embedded"].items()
    }
    return {**body, "_embedded": embedded}


def _summary(document: Mapping[str, Any]) -> str:
    if document.get("type") == "event":
        return f"event {document['event']['type']}"
    if document.get("type") == "message":
        return f"message {document['kind']}, {document['status']} by {document['provider']}"
    return str(document.get("status") or document.get("type") or "")
