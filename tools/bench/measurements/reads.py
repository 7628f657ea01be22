"""Looking up a customer: how many a second, and what it costs."""

import asyncio
from dataclasses import dataclass

from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, milliseconds
from tools.bench.generator.plan import Call, Plan
from tools.bench.options import option
from tools.bench.processes import Meter, Spent
from tools.play.local_system import LocalSystem

PROCESSES = "FUNCTIONS_WORKER_PROCESS_COUNT"


@dataclass(frozen=True)
class Options:
    seconds: int = option(10, "how long users look up", scales=True)
    customers: int = option(200, "different customers that they look up", scales=True)
    processes: list[int] = option([1], f"values of {PROCESSES}, one after the other")  # noqa: RUF009 a field


@dataclass(frozen=True)
class Read:
    processes: int
    result: LoadResult
    spent: Spent

    @property
    def milliseconds(self) -> float:
        """CPU of a call, all processes together."""
        return self.spent.total * 1000 / max(len(self.result.durations), 1)

    @property
    def idle_share(self) -> float:
        """The share of the machine that nobody used, 0 to 1."""
        return self.spent.idle_share


def measure(bench: Bench, options: Options) -> list[Row]:
    found = [read(bench, options, processes) for processes in options.processes]
    columns = ("processes an app", "rate", "p95", "failed", "CPU a call", "idle")
    rows = [
        [
            str(one.processes),
            f"{one.result.rate:,.0f}/s",
            milliseconds(one.result.durations, 95),
            str(one.result.failures.total()),
            f"{one.milliseconds:.2f} ms",
            f"{one.idle_share:.0%} of the machine",
        ]
        for one in found
    ]
    bench.table(columns, rows)
    return [
        Row(
            f"GET /customers/{{id}}, {bench.users} users, {count(one.processes)}",
            f"{one.result.rate:,.0f}/s, p95 {milliseconds(one.result.durations, 95)}, "
            f"CPU {one.milliseconds:.2f} ms, {one.idle_share:.0%} of the machine idle",
        )
        for one in found
    ]


def count(processes: int) -> str:
    return f"{processes} process{'es' if processes > 1 else ''} an app"


def read(bench: Bench, options: Options, processes: int) -> Read:
    """Looks up with this many processes an app. Raises LoadError."""
    with bench.stack({PROCESSES: str(processes)}) as stack:
        bench.say(f"  {bench.users} users look up for {options.seconds} s, {count(processes)} …")

        async def registered(system: LocalSystem) -> list[str]:
            return list(await asyncio.gather(*(system.register() for _ in range(options.customers))))

        ids = bench.with_system(stack, registered)
        bench.drain(stack)
        urls = [f"{stack.url('gateway')}/customers/{customer_id}" for customer_id in ids]
        meter = Meter(stack)
        result = load.run(bench.generator, Plan(Call(urls), options.seconds, bench.users, keep_open=False))
        return Read(processes, result, meter.read())


MEASUREMENT = Measurement("reads", "GET /customers/{id}: rate, CPU; for one or more processes an app", Options, measure)
