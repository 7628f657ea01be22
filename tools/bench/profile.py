"""Where an app spends its time under load, by layer: sampled by py-spy."""

import argparse
import shutil
from collections.abc import Mapping
from typing import Any

from tools.bench.bench import Bench
from tools.bench.checkout import Checkout, other
from tools.bench.layers import layers, overlapping
from tools.bench.load import LoadError
from tools.bench.machine import Machine
from tools.bench.pairs import START_SECONDS
from tools.play.apps import APPS

HELP = "where a service spends its time under load, by layer; needs py-spy"
NOT_INSTALLED = """py-spy is not installed. Install it where the path leads to it, for example:
  .venv/bin/uv tool install py-spy
It reads the memory of other processes: on macOS it needs sudo, on Linux root or kernel.yama.ptrace_scope = 0."""
SHOWN_SHARE = 0.001


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("profile", help=HELP, description=HELP)
    command.add_argument("service", help=f"{', '.join(APPS)}, or another service")
    command.add_argument("--base", metavar="REVISION|FOLDER", help="another checkout to profile before, for comparison")
    command.add_argument("--seconds", type=int, default=20, metavar="N", help="how long it samples (default 20)")
    command.add_argument("--rate", type=int, default=200, metavar="N", help="samples a second (default 200)")
    command.add_argument("--warm-up", type=int, default=5, metavar="N", help="load before, unsampled (default 5)")


def run(options: argparse.Namespace, bench: Bench) -> int:
    """Raises LoadError."""
    if shutil.which("py-spy") is None:
        raise LoadError(NOT_INSTALLED)
    bench.say(Machine.now().text)
    found = {}
    if options.base:
        with other(options.base) as checkout:
            found[options.base] = profile(bench, options, checkout)
    found["here"] = profile(bench, options, Checkout.here())
    show(bench, options.service, found)
    return 0


def profile(bench: Bench, options: argparse.Namespace, checkout: Checkout) -> dict[str, Any]:
    """Samples the service of a checkout. Raises LoadError."""
    bench.say(f"  {bench.users} users register; {options.service} is sampled for {options.seconds} s …")
    task = {name: getattr(options, name) for name in ("service", "seconds", "rate", "warm_up")}
    task |= {"generator": bench.generator, "users": bench.users}
    return checkout.run("profile", task, 2 * options.seconds + options.warm_up + START_SECONDS, {})


def show(bench: Bench, service: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    """A table for the layers, and one for what lies across them: share, and milliseconds of CPU a registration."""
    columns = [f"{name}, {result['rate']:,.0f}/s, {result['milliseconds']:.2f} ms" for name, result in found.items()]
    for title, sort in ((f"{service}, by layer", layers), ("across the layers", overlapping)):
        shares = {name: sort(result["stacks"]) for name, result in found.items()}
        names = {layer: None for each in shares.values() for layer, share in each.items() if share >= SHOWN_SHARE}
        rows = [
            [
                layer,
                *(
                    f"{shares[name].get(layer, 0):6.1%} {shares[name].get(layer, 0) * result['milliseconds']:.3f} ms"
                    for name, result in found.items()
                ),
            ]
            for layer in names
        ]
        bench.table((title, *columns), rows)
