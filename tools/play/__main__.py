"""Plays the scenario, step by step, on a system of its own on this machine: `python -m tools.play [open | customers]`.

It takes under a minute, uses free ports and a temporary folder, and leaves a system that runs already alone.
`open` (default): everybody may call everything, as with `make run`: register, look up, cancel and postpone, with and
                  without KakaoTalk, and what is stored where
`customers`:      every call needs a token, as with `make run ACCESS=customers`: who may call what, as five callers
Exit code 0: every step went as expected; 1: a step did not; 130: it was stopped.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from local_azure.stack import Stack
from tools.command_line import parser
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play import customers_scenario
from tools.play.local_system import LocalSystem
from tools.play.narrator import Narrator, StepFailed
from tools.play.people import CustomersSystem
from tools.play.scenario import play


async def run(console: Console, state: Path, access: str) -> None:
    """Raises StepFailed."""
    console.print("Starting a fresh stack on free ports …")
    if access == "customers":
        async with CustomersSystem.running(state) as customers:
            await customers_scenario.play(Narrator(customers, console))
        return
    async with Stack.start(LOCAL_AZURE_SETTINGS, state) as stack, LocalSystem.of(stack) as system:
        await play(Narrator(system, console))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("tools.play", __doc__)
    options.add_argument("access", nargs="?", choices=["open", "customers"], default="open", help="who may call")
    access = options.parse_args(arguments).access
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="ssak8-demo-") as state:
        try:
            asyncio.run(run(console, Path(state), access))
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
