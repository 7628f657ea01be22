"""The original's load test on a fresh local stack: registrations per second, their latency and their CPU time.

Examples:
  python -m tools.bench                          siege if it is installed, 100 users, 60 s
  python -m tools.bench --generator built-in --seconds 20
"""

import argparse
import asyncio
import shutil
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local_azure.stack import Stack
from tools.bench import load, views
from tools.bench.figures import LoadResult, cpu_seconds, percentile
from tools.command_line import parser
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.apps import APPS
from tools.play.local_system import LocalSystem

VIEWS_SECONDS = 60  # as long as the load itself: no more is needed unless the views fall behind


def arguments() -> argparse.Namespace:
    command_line = parser("tools.bench", __doc__)
    command_line.add_argument("--users", type=int, default=100, help="concurrent users (default 100)")
    command_line.add_argument("--seconds", type=int, default=60, help="duration of the load (default 60)")
    command_line.add_argument("--cancellations", type=int, default=30, help="cancellations to time (default 30)")
    command_line.add_argument("--generator", choices=["siege", "built-in"], help="default: siege if it is installed")
    return command_line.parse_args()


def main() -> None:
    options = arguments()
    console = Console(highlight=False, soft_wrap=True)
    generate = {"siege": load.siege, "built-in": load.built_in}[
        options.generator or ("siege" if shutil.which("siege") else "built-in")
    ]
    with tempfile.TemporaryDirectory(prefix="ssak8-bench-") as state:
        console.print("Starting a fresh stack on free ports …")
        with Stack.start(LOCAL_AZURE_SETTINGS, Path(state)) as stack:
            gateway = stack.url("gateway")
            console.print(f"Timing {options.cancellations} cancellations on the idle stack …")
            idle = asyncio.run(views.cancel_to_view(gateway, options.cancellations))
            console.print(f"{options.users} users register for {options.seconds} s …")
            pids = {status.name: status.pid for status in stack.status() if status.pid}
            before = cpu_seconds(pids)
            result = generate(f"{gateway}/customers", options.users, options.seconds)
            console.print("Waiting until every registration is visible in customerViews …")
            registered = len(result.durations)
            waited, visible = asyncio.run(wait_for_views(stack, registered))
            spent = {name: seconds - before[name] for name, seconds in cpu_seconds(pids).items()}
    show_load(console, result)
    abandoned = f" and {visible - registered} more that the generator had timed out on" if visible > registered else ""
    console.print(
        f"visible in customerViews: {min(visible, registered)} of {registered}{abandoned}, {waited:.1f} s after the end"
    )
    if idle:
        console.print(
            f"cancel → view CANCELED, idle, {len(idle)} samples: median {percentile(idle, 50) * 1000:.0f} ms, "
            f"p95 {percentile(idle, 95) * 1000:.0f} ms, longest {max(idle) * 1000:.0f} ms"
        )
    show_cost(console, spent, registered)


async def wait_for_views(stack: Stack, registered: int) -> tuple[float, int]:
    async with LocalSystem.of(stack) as system:
        return await views.seconds_until_all_visible(system, registered, VIEWS_SECONDS)


def show_load(console: Console, result: LoadResult) -> None:
    table = Table("", "", box=None, show_header=False)
    table.add_row("generator", result.generator)
    answers = ", ".join(f"{count} × {answer}" for answer, count in sorted(result.failures.items()))
    failed = sum(result.failures.values())
    table.add_row("registered / failed", f"{len(result.durations)} / {failed}{f' ({answers})' if answers else ''}")
    if result.durations:
        table.add_row("rate", f"{result.rate:.1f}/s")
        table.add_row("mean", f"{result.mean * 1000:.0f} ms")
        for percent in (50, 95, 99):
            table.add_row(f"p{percent}", f"{percentile(result.durations, percent) * 1000:.0f} ms")
        table.add_row("longest", f"{max(result.durations) * 1000:.0f} ms")
    console.print(table)


def show_cost(console: Console, spent: dict[str, float], registered: int) -> None:
    table = Table("CPU per registration", "ms", box=None)
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{seconds * 1000 / max(registered, 1):.2f}")
    apps = sum(seconds for name, seconds in spent.items() if name in APPS)
    local = sum(spent.values()) - apps
    table.add_row("the three apps", f"{apps * 1000 / max(registered, 1):.2f}")
    table.add_row("local Azure", f"{local * 1000 / max(registered, 1):.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
