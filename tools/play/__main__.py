"""Plays the scenario on a fresh stack of its own. Exit code 1 if a step is not as expected."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from local_azure.stack import Stack
from tools.play.scenario import play
from tools.play.stage import Stage, Unexpected
from tools.play.system import SETTINGS_FILE, System


async def run(console: Console, state: Path) -> None:
    """Raises Unexpected."""
    console.print("Starting a fresh stack on free ports …")
    async with Stack.start(SETTINGS_FILE, state) as stack, System.of(stack) as system:
        await play(Stage(system, console))


def main() -> int:
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="ssak8-demo-") as state:
        try:
            asyncio.run(run(console, Path(state)))
        except Unexpected as error:
            console.print(f"   [red]✘ not as expected:[/] {error}")
            return 1
        except KeyboardInterrupt:
            console.print("stopped")
            return 130
    console.print("\n[green]Every step went as expected.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
