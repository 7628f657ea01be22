"""Plays the scenario on a fresh stack of its own. Exit code 1 if a step is not as expected."""

import asyncio
import sys
import tempfile
from pathlib import Path

import aiohttp
from azure.cosmos.aio import CosmosClient
from rich.console import Console

from demo.scenario import play
from demo.stage import CALL_TIMEOUT_SECONDS, Stage, Unexpected
from local_azure.stack import Stack

ROOT = Path(__file__).parents[1]


async def run(console: Console, state: Path) -> None:
    console.print("Starting a fresh stack on free ports …")
    async with (
        Stack.start(ROOT / "local-azure.toml", state) as stack,
        CosmosClient(stack.url("cosmos"), "bG9jYWw=") as cosmos,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(CALL_TIMEOUT_SECONDS)) as http,
    ):
        await play(Stage(stack, cosmos, http, console))


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
