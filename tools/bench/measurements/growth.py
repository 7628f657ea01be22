"""Registering more and more customers: whether rate, size and memory stay as they were."""

from dataclasses import dataclass
from pathlib import Path

from local_azure.stack import Stack
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, milliseconds
from tools.bench.generator.plan import Plan
from tools.bench.options import option
from tools.bench.processes import Processes

MEGABYTE = 2**20
STEP_SECONDS = 3600.0  # a limit that nobody reaches: a step ends with its number of customers


@dataclass(frozen=True)
class Options:
    customers: int = option(9_000, "how many customers in all; 300000 takes about a quarter of an hour", scales=True)
    step: int = option(3_000, "how many customers a step", scales=True)


@dataclass(frozen=True)
class Step:
    """`added`: bytes in the state folder; `memory`: resident bytes by service after the step."""

    customers: int
    result: LoadResult
    added: int
    memory: dict[str, int]

    @property
    def bytes_each(self) -> float:
        return self.added / max(len(self.result.durations), 1)


def measure(bench: Bench, options: Options) -> list[Row]:
    """Uses the built-in generator, because siege ends by time."""
    steps: list[Step] = []
    with bench.stack() as stack:
        bench.warm_up(stack, 2)
        customers = 0
        while customers < options.customers:
            wanted = min(options.step, options.customers - customers)
            customers += wanted
            bench.say(f"  up to {customers:,} customers …")
            steps.append(one_step(bench, stack, wanted, customers))
    show(bench, steps)
    first, last = steps[0], steps[-1]
    total = [sum(step.memory.values()) / MEGABYTE for step in (first, last)]
    return [
        Row(
            f"growing from {first.customers:,} to {last.customers:,} customers",
            f"{first.result.rate:,.0f}/s → {last.result.rate:,.0f}/s, "
            f"{first.bytes_each:,.0f} → {last.bytes_each:,.0f} bytes each, "
            f"{total[0]:,.0f} → {total[1]:,.0f} MB of memory",
        )
    ]


def one_step(bench: Bench, stack: Stack, wanted: int, customers: int) -> Step:
    folder = stack.state.folder
    before = size(folder)
    plan = bench.plan(stack, STEP_SECONDS)
    result = load.run("built-in", Plan(plan.call, STEP_SECONDS, bench.users, calls=wanted, keep_open=False))
    bench.drain(stack)
    return Step(customers, result, size(folder) - before, Processes.of(stack).memory())


def size(folder: Path) -> int:
    """The bytes of the databases in a folder, without SQLite's write-ahead logs, whose size says nothing."""
    return sum(file.stat().st_size for file in folder.rglob("*.sqlite3"))


def show(bench: Bench, steps: list[Step]) -> None:
    names = sorted(steps[-1].memory, key=lambda name: -steps[-1].memory[name])
    rows = [
        [
            f"{step.customers:,}",
            f"{step.result.rate:,.0f}/s",
            milliseconds(step.result.durations, 95),
            str(step.result.failures.total()),
            f"{step.bytes_each:,.0f}",
            *(f"{step.memory.get(name, 0) / MEGABYTE:,.0f}" for name in names),
        ]
        for step in steps
    ]
    bench.table(("customers", "rate", "p95", "failed", "bytes each", *(f"{name} MB" for name in names)), rows)


MEASUREMENT = Measurement("growth", "registering more and more: rate, bytes and memory by step", Options, measure)
