"""Where the scenario is played: what is asked, answered and stored is shown, and checked."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from tools.play.calls import Answer, Calls, seconds_until

SHOWN_HEADERS = ("Location", "ETag", "Retry-After")
SHOWN_ITEMS = 2


class Unexpected(Exception):
    """A step did not go as the scenario says."""


class Stage[S: Calls]:
    """A system, and the console on which everything is shown.

    `patience`: seconds within which what follows by event has to have happened.
    """

    def __init__(self, system: S, console: Console, patience: float = 20) -> None:
        self._system = system
        self._console = console
        self._patience = patience
        self._steps = 0

    @property
    def system(self) -> S:
        return self._system

    def step(self, title: str, korean: str) -> None:
        """Begins a step."""
        self._steps += 1
        self._console.print(f"\n[bold cyan]{self._steps}. {title}[/]  [dim]{korean}[/]")

    def say(self, text: str) -> None:
        self._console.print(f"   {escape(text)}")

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """Calls the gateway; shows the request and the answer."""
        shown = f" {json.dumps(body, ensure_ascii=False)}" if body else ""
        self._console.print(f"   [bold]→ {method} {escape(self.system.url(path))}[/]{escape(shown)}")
        answer = await self.system.call(method, path, json=body)
        self._show(answer)
        return answer

    def _show(self, answer: Answer) -> None:
        colour = "green" if answer.status < 400 else "yellow"
        headers = "".join(f"  {name}: {answer.headers[name]}" for name in SHOWN_HEADERS if name in answer.headers)
        self._console.print(
            f"   [{colour}]← {answer.status}[/]  [dim]{answer.seconds * 1000:.0f} ms[/]{escape(headers)}"
        )
        if answer.body is not None:
            text = json.dumps(_shortened(answer.body), ensure_ascii=False, indent=2)
            self._console.print("\n".join(f"     {line}" for line in escape(text).splitlines()), style="dim")

    def show_stored(self, stored: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Shows documents by the names of their containers."""
        for name, documents in stored.items():
            for document in documents:
                self._console.print(f"   [blue]{name:<14}[/] {document['id']:<48} {_gist(document)}")
            if not documents:
                self._console.print(f"   [blue]{name:<14}[/] nothing")

    def expect(self, holds: bool, what: str) -> None:
        """Raises Unexpected."""
        if not holds:
            raise Unexpected(what)
        self._console.print(f"   [green]✔[/] {escape(what)}")

    async def eventually(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Waits until it holds. Raises Unexpected when patience ends."""
        try:
            waited = await seconds_until(holds, self._patience)
        except TimeoutError:
            raise Unexpected(f"{what}: not within {self._patience:.0f} s") from None
        self.expect(holds=True, what=f"{what}, after {waited:.1f} s")


def _shortened(body: Any) -> Any:
    """A list answer with its first items only."""
    if not (isinstance(body, dict) and "_embedded" in body):
        return body
    embedded = {
        name: [*items[:SHOWN_ITEMS], f"… {len(items) - SHOWN_ITEMS} more"] if len(items) > SHOWN_ITEMS else items
        for name, items in body["_embedded"].items()
    }
    return {**body, "_embedded": embedded}


def _gist(document: Mapping[str, Any]) -> str:
    if document.get("type") == "event":
        return f"event {document['event']['type']}"
    if document.get("type") == "message":
        return f"message {document['kind']}, {document['status']} by {document['provider']}"
    return str(document.get("status") or document.get("type") or "")
