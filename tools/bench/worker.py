"""One task on a stack of its own, with options as JSON on standard input and a result as JSON on standard output.

checkout.py runs it, also for another checkout.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from local_azure.stack import Stack
from shared.settings import Access
from tools.bench import load
from tools.bench.bench import Bench
from tools.bench.figures import percentile
from tools.bench.load import LoadError
from tools.bench.measurements.registering import register

PY_SPY_END_SECONDS = 60  # for writing down what it has sampled
RAMP_SECONDS = 2


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    options = json.loads(sys.stdin.read())
    console = Console(stderr=True, markup=False)
    access = Access(options.get("access", Access.OPEN))
    bench = Bench(console, options["generator"], options["users"], Path(options["config"]), access)
    with bench.stack() as stack:
        bench.warm_up(stack, options["warm_up"])
        result = {"registering": registering, "profile": profile}[sys.argv[1]](bench, stack, options)
    json.dump(result, sys.stdout)


def registering(bench: Bench, stack: Stack, options: dict[str, Any]) -> dict[str, Any]:
    """The rate, the 95th percentile in seconds, and milliseconds of CPU by service."""
    measured = register(bench, stack, options["seconds"])
    result = measured.result
    if not result.durations:
        raise LoadError("nobody was registered")
    return {
        "rate": result.rate,
        "p95": percentile(result.durations, 95),
        "failed": result.failures.total(),
        "cpu": measured.cpu_milliseconds,
    }


def profile(bench: Bench, stack: Stack, options: dict[str, Any]) -> dict[str, Any]:
    """The stacks that py-spy has sampled, in its raw format, and milliseconds of CPU a registration of the service."""
    service, seconds = options["service"], options["seconds"]
    program = shutil.which("py-spy")
    if program is None:
        raise LoadError("py-spy is not installed")
    with tempfile.TemporaryDirectory(prefix="ssak8-profile-") as folder:
        stacks = Path(folder) / "stacks"
        command = [program, "record", "--pid", str(stack.pid(service)), "--duration", str(seconds)]
        command += ["--rate", str(options["rate"]), "--format", "raw", "--output", str(stacks)]
        command += ["--subprocesses", "--full-filenames"]
        # Registrations are counted over the whole load, with a little before and after what is sampled.
        plan = bench.plan(stack, seconds + 2 * RAMP_SECONDS)
        measured = None
        with load.Load(bench.generator, plan) as running:
            sampled = subprocess.run(  # noqa: S603 found on the path
                command, capture_output=True, text=True, check=False, timeout=seconds + PY_SPY_END_SECONDS
            )
            measured = running.result()
        if sampled.returncode:
            raise LoadError(f"py-spy failed: {(sampled.stderr.strip().splitlines() or ['no message'])[-1]}")
        bench.drain(stack)
        cost = register(bench, stack, seconds / 2)
        return {
            "stacks": stacks.read_text(encoding="utf-8"),
            "rate": measured.rate,
            "milliseconds": cost.cpu_milliseconds[service],
        }


def _stop(*_: object) -> None:
    """Ends the stack by leaving its `with`; a second signal must not disturb that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except (LoadError, KeyboardInterrupt) as error:
        sys.stderr.write(f"{error or 'stopped'}\n")
        sys.exit(1)
