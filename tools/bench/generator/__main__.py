"""Runs a plan that is read from standard input, and prints the result; tools/bench/load.py starts it."""

import asyncio
import dataclasses
import sys
import time

import uvloop

from tools.bench.generator.closed_loop import closed_loop
from tools.bench.generator.open_loop import open_loop
from tools.bench.generator.plan import Plan, result_to_json


def main() -> None:
    plan = Plan.from_json(sys.stdin.read())
    # What starting Python costs is not part of a call.
    before = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(open_loop(plan) if plan.rate else closed_loop(plan))
    sys.stdout.write(result_to_json(dataclasses.replace(result, cpu_seconds=time.process_time() - before)))


if __name__ == "__main__":
    main()
