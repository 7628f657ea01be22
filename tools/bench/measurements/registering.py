"""The original's load: how many customers a second, how long each waits, and what a registration costs."""

from dataclasses import dataclass

from local_azure.stack import Stack
from shared.resources import CUSTOMERS
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, counted, milliseconds
from tools.bench.options import option
from tools.bench.original import original, shown
from tools.bench.processes import Meter, Spent
from tools.bench.views import seconds_until_all_visible, stored
from tools.play.apps import APPS

PERCENTS = (50, 95, 99)


@dataclass(frozen=True)
class Options:
    seconds: int = option(60, "how long the users register", scales=True)
    warm_up: int = option(5, "how long they register before, unmeasured; 0: not at all")


@dataclass(frozen=True)
class Registered:
    """A load, and what was used from its start until the read model had all of it, `drained` seconds after its end.

    `registrations`: what was stored meanwhile. That is more than was answered: siege leaves without its last answers.
    """

    result: LoadResult
    spent: Spent
    drained: float
    registrations: int

    @property
    def cpu_milliseconds(self) -> dict[str, float]:
        """CPU of a registration by service."""
        return {name: seconds * 1000 / max(self.registrations, 1) for name, seconds in self.spent.services.items()}

    @property
    def cpu_total(self) -> float:
        """Milliseconds of CPU of a registration, all processes together."""
        return sum(self.cpu_milliseconds.values())


def register(bench: Bench, stack: Stack, seconds: float, users: int | None = None) -> Registered:
    """Runs the load and measures it. Raises LoadError."""
    before = bench.with_system(stack, stored)
    meter = Meter(stack)
    result = bench.register(stack, seconds, users)
    drained = bench.drain(stack)
    spent = meter.read()
    after = bench.with_system(stack, stored)
    return Registered(result, spent, drained, after[CUSTOMERS] - before[CUSTOMERS])


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        bench.say(f"  {bench.users} users register for {options.seconds} s …")
        measured = register(bench, stack, options.seconds)
        waited, missing = bench.with_system(stack, seconds_until_all_visible)
    show_load(bench, measured)
    bench.say(
        f"  visible in customerViews: all but {missing:,} of {measured.registrations:,} that are stored, "
        f"{measured.drained + waited:.1f} s after the end"
    )
    show_cost(bench, measured)
    was, ours = original().registering, measured.result
    users = f"{bench.users} users"
    return [
        Row(
            f"registering, warm, {users}",
            f"{ours.rate:,.0f}/s, p95 {milliseconds(ours.durations, 95)}, {ours.failures.total()} failed",
            f"{shown(was.rate)}/s, p95 {shown(was.p95_milliseconds)} ms",
        ),
        Row(
            "CPU a registration, all processes",
            f"{measured.cpu_total:.2f} ms ({by_service(measured)})",
            f"{shown(was.cpu_milliseconds, 1)} ms",
        ),
    ]


def by_service(measured: Registered) -> str:
    """`customer 1.35, kakao 0.95, …`, the largest first."""
    costs = sorted(measured.cpu_milliseconds.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {cost:.2f}" for name, cost in costs if cost >= SHOWN_MILLISECONDS)


SHOWN_MILLISECONDS = 0.005  # what is less would be shown as 0.00


def show_load(bench: Bench, measured: Registered) -> None:
    result = measured.result
    failed = f" ({counted(result.failures)})" if result.failures else ""
    rows = [
        ["generator", result.generator],
        ["registered / failed", f"{len(result.durations):,} / {result.failures.total():,}{failed}"],
        ["rate", f"{result.rate:,.1f}/s"],
    ]
    rows += [[f"p{percent}", milliseconds(result.durations, percent)] for percent in PERCENTS]
    rows.append(["longest", milliseconds(result.durations, 100)])
    bench.table(("", ""), rows)


def show_cost(bench: Bench, measured: Registered) -> None:
    costs = measured.cpu_milliseconds
    apps = sum(cost for name, cost in costs.items() if name in APPS)
    generator = measured.result.cpu_seconds
    rows = [[name, f"{cost:.2f}"] for name, cost in sorted(costs.items(), key=lambda item: -item[1])]
    rows += [["the three apps", f"{apps:.2f}"], ["local Azure", f"{measured.cpu_total - apps:.2f}"]]
    rows.append(["load generator, not counted", f"{generator * 1000 / max(measured.registrations, 1):.2f}"])
    bench.table(("CPU per registration", "ms"), rows)
    bench.say(f"  other programs used {measured.spent.others_share(generator):.0%} of the machine meanwhile")


MEASUREMENT = Measurement(
    "registering", "the original's load: rate, percentiles, failures, CPU by process", Options, measure
)
