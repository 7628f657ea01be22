"""Plays the scenario on a fresh local stack. Exit code 1 if a step fails."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from local_azure.stack import Stack
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.narrator import Narrator, StepFailed
from tools.play.scenario import play


async def run(console: Console, state: Path) -> None:
    """Raises StepFailed."""
    console.print("Starting a fresh stack on free ports …")
    async with Stack.start(LOCAL_AZURE_SETTINGS, state) as stack, LocalSystem.of(stack) as system:
        await play(Narrator(system, console))


def main() -> int:
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="ssak8-demo-") as state:
        try:
            asyncio.run(run(console, Path(state)))
        except StepFailed as error:
            console.print(f"   [red]✘ not as expected:[/] {error}")
            return 1
        except KeyboardInterrupt:
            console.print("stopped")
            return 130
    console.print("\n[green]Every step went as expected.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
