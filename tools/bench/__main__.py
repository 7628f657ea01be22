"""Measures the whole system on this machine, each measurement on a fresh stack of its own.

Examples:
  python -m tools.bench all                      every measurement (twenty minutes), and a table beside the original
  python -m tools.bench all --scale 0.1          everything a tenth as long: only to see that it works
  python -m tools.bench registering --seconds 20 one measurement; `registering --help` has its options
  python -m tools.bench lists --kept 300000      the lists of a large system
  python -m tools.bench drain --waiting 180000   an hour of waiting registrations, at real time
  python -m tools.bench pairs --base HEAD~1      this checkout and another one, in turn
  python -m tools.bench pairs --set NAME=VALUE   with and without a setting, in turn
  python -m tools.bench access                   ACCESS=open and customers, in turn
  python -m tools.bench profile customer         where an app spends its time, by layer; needs py-spy
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from local_azure.stack import StackError
from tools.bench import load, pairs, profile, summary
from tools.bench.bench import Bench, Row
from tools.bench.load import LoadError
from tools.bench.machine import Machine
from tools.bench.measurements import MEASUREMENTS
from tools.bench.options import add_options, read_options, scaled
from tools.command_line import parser, show_error

WIDTH = 160  # characters of a line, where no terminal says how many there is room for
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(arguments: Sequence[str] | None = None) -> int:
    options = command_line().parse_args(arguments)
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(highlight=False, markup=False, soft_wrap=True, width=width)
    bench = Bench(console, options.generator or load.default_generator(), options.users)
    try:
        return run(options, bench)
    except KeyboardInterrupt:
        console.print("stopped")
        return INTERRUPTED
    except (LoadError, StackError, TimeoutError) as error:
        show_error(str(error))
        return 1


def command_line() -> argparse.ArgumentParser:
    whole = parser("tools.bench", __doc__)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    every = commands.add_parser("all", help="every measurement, and the table")
    every.add_argument("--scale", type=_positive, default=1.0, metavar="N", help="times all durations and numbers")
    every.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="these measurements (default: all)")
    for measurement in MEASUREMENTS.values():
        command = commands.add_parser(measurement.name, help=measurement.help, description=measurement.help)
        add_options(command, measurement.options)
    pairs.add_command(commands)
    pairs.add_access_command(commands)
    profile.add_command(commands)
    for command in commands.choices.values():
        command.add_argument("--users", type=int, default=100, metavar="N", help="concurrent users (default 100)")
        command.add_argument("--generator", choices=["siege", "built-in"], help="default: siege if it is installed")
    return whole


def run(options: argparse.Namespace, bench: Bench) -> int:
    """Raises LoadError, StackError, TimeoutError."""
    if options.command == "pairs":
        return pairs.run(options, bench)
    if options.command == "access":
        return pairs.run_access(options, bench)
    if options.command == "profile":
        return profile.run(options, bench)
    machine = Machine.now()
    bench.say(machine.text)
    rows: list[Row] = []
    if options.command == "all":
        for name in options.only or MEASUREMENTS:
            measurement = MEASUREMENTS[name]
            bench.say(f"\n{name}: {measurement.help}")
            rows += measurement.measure(bench, scaled(measurement.options(), options.scale))
    else:
        measurement = MEASUREMENTS[options.command]
        rows += measurement.measure(bench, read_options(measurement.options, options))
    summary.show(bench, machine, rows)
    return 0


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
