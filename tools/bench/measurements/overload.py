"""More than can be served: what is still served, and what a refusal costs."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from local_azure.stack import Stack
from shared.resources import CUSTOMERS
from tools.bench import load
from tools.bench.bench import BODY, Bench, Measurement, Row
from tools.bench.figures import LoadResult, by_status, counted, milliseconds
from tools.bench.generator.plan import Call, Plan
from tools.bench.load import LoadError
from tools.bench.measurements.registering import Registered, register
from tools.bench.options import option
from tools.bench.original import original, shown
from tools.bench.processes import Meter, Spent
from tools.bench.views import stored

RETRY_AFTER_SECONDS = range(1, 61)
"""What a client can be asked to wait: whole seconds, and less than the patience of a person."""

OPENING_CALLS = 10  # enough failures to open the circuit to kakao, which stays open for ten seconds


@dataclass(frozen=True)
class Options:
    many_users: int = option(400, "users of the closed loop")
    seconds: int = option(30, "how long they register", scales=True)
    base_seconds: int = option(15, "how long the usual number of users registers before, for comparison", scales=True)
    times: float = option(4.0, "the open loop offers this many times the measured rate")
    open_seconds: int = option(20, "how long it does so", scales=True)
    refusing_seconds: int = option(5, "how long nothing but refusals is measured", scales=True)
    warm_up: int = option(5, "how long users register before all, unmeasured; 0: not at all")


@dataclass(frozen=True)
class Overloaded:
    """`served`: registrations that were stored; `base`: at the usual number of users, in the same run."""

    result: LoadResult
    spent: Spent
    served: int
    base: Registered

    @property
    def goodput_share(self) -> float:
        """Registrations a second compared with the base: 0.9 means nine tenths of it."""
        return self.result.rate / self.base.result.rate

    @property
    def refusal_milliseconds(self) -> float | None:
        """CPU of a refusal in all our processes: what was used beyond what the registrations cost in the base.

        If overload makes registrations dearer, that counts as well; `refusing` measures refusals alone.
        """
        refused = len(self.result.refusals)
        if not refused:
            return None
        beyond = self.spent.total * 1000 - self.served * self.base.cpu_total
        return beyond / refused

    @property
    def text(self) -> str:
        failed = by_status(self.result.failures)
        return f"{self.result.rate:,.0f}/s ({self.goodput_share:.0%} of the base), {failed} failed"


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        bench.say(f"  {bench.users} users for {options.base_seconds} s, as the base …")
        base = register(bench, stack, options.base_seconds)
        bench.say(f"  {options.many_users} users for {options.seconds} s …")
        many = register(bench, stack, options.seconds, options.many_users)
        closed = Overloaded(many.result, many.spent, many.registrations, base)
        offered = base.result.rate * options.times
        bench.say(f"  {offered:,.0f} calls a second for {options.open_seconds} s, answered or not …")
        opened = offer(bench, stack, offered, options.open_seconds, base)
        bench.say(f"  kakao stands still, and everybody is refused for {options.refusing_seconds} s …")
        alone = refusing(bench, stack, options.refusing_seconds)
    for name, overloaded in ((f"{options.many_users} users", closed), (f"{options.times:g} × the rate", opened)):
        show(bench, name, overloaded)
    was = original().overload
    before = f"{shown(was.rate)}/s, {was.failed} failed, p99 {shown(was.p99_milliseconds)} ms"
    refusals = opened.result.refusals
    return [
        Row(
            f"{options.many_users} users, {options.seconds} s",
            f"{closed.text}, p99 {milliseconds(closed.result.durations, 99)}",
            before,
        ),
        Row(f"{options.times:g} × the rate, open loop", opened.text),
        Row(
            "a refusal then",
            f"CPU {cost(opened)}, p99 {milliseconds(refusals, 99)}, {retry_after(opened.result)}"
            if refusals
            else "none",
        ),
        Row("a refusal by the app, and nothing else", f"CPU {alone:.2f} ms"),
    ]


def offer(bench: Bench, stack: Stack, rate: float, seconds: float, base: Registered) -> Overloaded:
    """Runs the open loop. Raises LoadError."""
    before = bench.with_system(stack, stored)
    meter = Meter(stack)
    result = load.run("built-in", Plan(Call([f"{stack.url('gateway')}/customers"], "POST", BODY), seconds, rate=rate))
    bench.drain(stack)
    spent = meter.read()
    after = bench.with_system(stack, stored)
    return Overloaded(result, spent, after[CUSTOMERS] - before[CUSTOMERS], base)


def refusing(bench: Bench, stack: Stack, seconds: float) -> float:
    """Milliseconds of CPU in all our processes, of a refusal by the customer app. Raises LoadError.

    An open circuit refuses at the same place as a queue that is too long, and refuses everybody.
    """
    call = Call([f"{stack.url('gateway')}/customers"], "POST", BODY)
    with suspended(stack.pid("kakao")):
        load.run("built-in", Plan(call, seconds, users=OPENING_CALLS, calls=OPENING_CALLS))
        meter = Meter(stack)
        result = load.run("built-in", Plan(call, seconds, users=bench.users))
        spent = meter.read()
    if result.durations or not result.refusals:
        raise LoadError("somebody was registered although kakao stood still")
    return spent.total * 1000 / len(result.refusals)


@contextlib.contextmanager
def suspended(pid: int) -> Iterator[None]:
    """A process that does not run meanwhile, and answers nobody."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def cost(overloaded: Overloaded) -> str:
    milliseconds_each = overloaded.refusal_milliseconds
    return "–" if milliseconds_each is None else f"{milliseconds_each:.2f} ms"


def retry_after(result: LoadResult) -> str:
    """Whether refusals say truthfully when to come back."""
    values = result.retry_after
    if not values:
        return "Retry-After not looked at"
    missing = sum(number for value, number in values.items() if not value)
    seconds = {int(value) for value in values if value.isascii() and value.isdigit()}
    unusable = sum(
        number
        for value, number in values.items()
        if value and not (value.isascii() and value.isdigit() and int(value) in RETRY_AFTER_SECONDS)
    )
    found = f"Retry-After {min(seconds)} to {max(seconds)} s" if seconds else "no Retry-After"
    wrong = [f"missing in {missing:,}"] * bool(missing) + [f"unusable in {unusable:,}"] * bool(unusable)
    return ", ".join([found, *wrong])


def show(bench: Bench, name: str, overloaded: Overloaded) -> None:
    result = overloaded.result
    calls = max(len(result.answers), 1)
    rows = [
        ["generator", f"{result.generator}, {result.cpu_seconds * 1000 / calls:.3f} ms of CPU a call"],
        ["registered", f"{len(result.durations):,}, {result.rate:,.1f}/s, {overloaded.goodput_share:.0%} of the base"],
        ["p50, p95, p99", ", ".join(milliseconds(result.durations, percent) for percent in (50, 95, 99))],
        ["failed", counted(result.failures) or "0"],
    ]
    if result.refusals:
        rows.append(["refused within", ", ".join(milliseconds(result.refusals, percent) for percent in (50, 95, 99))])
        rows.append(["CPU of a refusal", cost(overloaded)])
        rows.append(["when to come back", retry_after(result)])
    if result.late:
        rows.append(["sent late", f"{result.late:,} of {calls:,}: the machine is too busy for this generator"])
    bench.say(f"  {name}")
    bench.table(("", ""), rows)


MEASUREMENT = Measurement(
    "overload", "400 users, then four times the rate as an open loop: goodput and refusals", Options, measure
)
