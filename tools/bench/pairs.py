"""Two variants in turn, so that what else the machine does meets both: this checkout and another, or a setting."""

import argparse
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from shared.settings import Access
from tools.bench.bench import Bench
from tools.bench.checkout import Checkout, other
from tools.bench.load import LoadError
from tools.bench.machine import Machine
from tools.paths import LOCAL_AZURE_SETTINGS

START_SECONDS = 240.0  # beyond the load: starting, draining and ending a stack
ACCESS_HELP = "ACCESS=open and customers in turn: what it costs to know who calls, and to claim a registration for them"
HELP = "this checkout and another one (or with and without a setting), in turn: rate, p95, CPU a registration"


@dataclass(frozen=True)
class Variant:
    name: str
    checkout: Checkout
    settings: Mapping[str, str]
    access: Access = Access.OPEN


def add_access_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("access", help=ACCESS_HELP, description=ACCESS_HELP)
    _add_rounds(command)


def run_access(options: argparse.Namespace, bench: Bench) -> int:
    """Both with the built-in generator: siege sends the same headers with each call. Raises LoadError."""
    bench.say(Machine.now().text)
    bench = replace(bench, generator="built-in")
    open_, customers = (Variant(f"ACCESS={access}", Checkout.here(), {}, access) for access in Access)
    compare(bench, options, open_, customers)
    return 0


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("pairs", help=HELP, description=HELP)
    command.add_argument("--base", metavar="REVISION|FOLDER", help="the other checkout")
    command.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="a setting of the apps that only this checkout gets",
    )
    _add_rounds(command)


def _add_rounds(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each runs (default 3)")
    command.add_argument("--seconds", type=int, default=15, metavar="N", help="how long users register (default 15)")
    command.add_argument("--warm-up", type=int, default=5, metavar="N", help="and before, unmeasured (default 5)")


def run(options: argparse.Namespace, bench: Bench) -> int:
    """Raises LoadError."""
    settings = dict(options.settings)
    if not options.base and not settings:
        raise LoadError("nothing to compare: give --base REVISION or FOLDER, or --set NAME=VALUE")
    bench.say(Machine.now().text)
    here = Variant(" ".join(f"{name}={value}" for name, value in settings.items()) or "here", Checkout.here(), settings)
    if not options.base:
        compare(bench, options, Variant("without", Checkout.here(), {}), here)
        return 0
    with other(options.base) as checkout:
        compare(bench, options, Variant(options.base, checkout, {}), here)
    return 0


def compare(bench: Bench, options: argparse.Namespace, base: Variant, here: Variant) -> None:
    """Runs both in turn, and shows each run and the medians. Raises LoadError."""
    task = {"generator": bench.generator, "users": bench.users, "seconds": options.seconds, "warm_up": options.warm_up}
    limit = options.seconds + options.warm_up + START_SECONDS
    found: dict[str, list[dict[str, Any]]] = {base.name: [], here.name: []}
    for number in range(options.rounds):
        # Who comes first changes, so that neither always meets the machine as the other left it.
        for variant in (base, here) if number % 2 == 0 else (here, base):
            result = variant.checkout.run("registering", {**task, "access": variant.access}, limit, variant.settings)
            found[variant.name].append(result)
            bench.say(f"  {number + 1}. {variant.name}: {described(result)}")
    bench.table(("", base.name, here.name, "ratio"), rows(found[base.name], found[here.name]))


def described(result: Mapping[str, Any]) -> str:
    return (
        f"{result['rate']:,.0f}/s, p95 {result['p95'] * 1000:,.0f} ms, {result['failed']} failed, "
        f"CPU {sum(result['cpu'].values()):.2f} ms"
    )


def rows(base: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The medians of both, and the second divided by the first."""
    services = sorted(here[0]["cpu"], key=lambda name: -here[0]["cpu"][name])
    figures: list[tuple[str, Callable[[Mapping[str, Any]], float], str]] = [
        ("rate, /s", lambda result: result["rate"], "{:,.0f}"),
        ("p95, ms", lambda result: result["p95"] * 1000, "{:,.0f}"),
        ("CPU a registration, ms", lambda result: sum(result["cpu"].values()), "{:.2f}"),
        *((f"  {name}", partial(_of_service, name), "{:.2f}") for name in services),
    ]
    shown = []
    for name, figure, text in figures:
        before, after = (median(figure(result) for result in results) for results in (base, here))
        ratio = f"{after / before:.3f}" if before else "–"
        shown.append([name, text.format(before), text.format(after), ratio])
    return shown


def _of_service(name: str, result: Mapping[str, Any]) -> float:
    return float(result["cpu"].get(name, 0.0))


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    file = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))
    own = [app for app, values in file["apps"].items() if name in values.get("settings", {})]
    if name in file["settings"] or own:
        raise argparse.ArgumentTypeError(f"{name} is set in {LOCAL_AZURE_SETTINGS.name}, which wins: change it there")
    return name, value
