"""An outage of KakaoTalk and what follows, all durations a sixtieth of the real ones and all rates the real ones."""

import time
from dataclasses import dataclass

from local_azure.stack import Stack
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, percentile
from tools.bench.options import option
from tools.bench.postponing import (
    Stored,
    Watch,
    behave,
    median_and_most,
    offering,
    show_seconds,
    stored,
    taken,
    until_settled,
    waits,
)


@dataclass(frozen=True)
class Options:
    capacity: float = option(50.0, "messages a second that KakaoTalk takes once it is back")
    rate: float = option(50.0, "registrations a second during the outage")
    seconds: int = option(60, "how long the outage lasts", scales=True)
    after: float = option(0.5, "new registrations after it, as a share of the capacity")
    after_seconds: int = option(60, "how long they come", scales=True)
    warm_up: int = option(3, "how long users register before all, unmeasured; 0: not at all")
    patience: int = option(900, "seconds until everybody must be registered")


@dataclass(frozen=True)
class Outage:
    """`began`, `back`, `settled`: on time.monotonic. `waited`: seconds of each who was postponed."""

    during: LoadResult
    after: LoadResult
    began: float
    back: float
    settled: float
    waited: list[float]
    change: Stored
    watch: Watch


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        outage = play(bench, stack, options)
    show(bench, options, outage)
    down = outage.watch.between(outage.began, outage.back)
    return [
        Row(
            f"outage of {options.seconds} s at {options.rate:g}/s",
            f"{len(outage.during.seconds_of(202)):,} postponed, all registered {outage.settled - outage.back:.0f} s "
            f"after it, the longest wait {max(outage.waited, default=0):.0f} s",
        ),
        Row("tries a second in the outage", median_and_most([second.tries for second in down])),
        Row("new registrations beside the drain", taken(outage.after)),
    ]


def play(bench: Bench, stack: Stack, options: Options) -> Outage:
    """Raises LoadError, TimeoutError."""
    before = bench.with_system(stack, stored)
    with Watch(stack) as watch:
        bench.say(f"  KakaoTalk is down, {options.rate:g} come in a second for {options.seconds} s …")
        bench.with_system(stack, lambda system: behave(system, outage=True))
        began = time.monotonic()
        during = load.run("built-in", offering(stack, options.rate, options.seconds, postponable=True))
        bench.say(f"  it is back and takes {options.capacity:g} a second …")
        bench.with_system(stack, lambda system: behave(system, capacity=options.capacity))
        back = time.monotonic()
        beside = offering(stack, options.after * options.capacity, options.after_seconds, postponable=True)
        after = load.run("built-in", beside)
        bench.with_system(stack, lambda system: until_settled(system, options.patience))
        settled = time.monotonic()
    waited = bench.with_system(stack, waits)
    return Outage(during, after, began, back, settled, waited, bench.with_system(stack, stored) - before, watch)


def show(bench: Bench, options: Options, outage: Outage) -> None:
    spans = {
        "while it was down": (outage.began, outage.back),
        "beside new registrations": (outage.back, min(outage.back + options.after_seconds, outage.settled)),
        "alone": (outage.back + options.after_seconds, outage.settled),
    }
    show_seconds(bench, outage.watch, spans)
    bench.table(
        ("", ""),
        [
            ["during the outage", taken(outage.during)],
            ["new ones after it", taken(outage.after)],
            ["all registered", f"{outage.settled - outage.back:.0f} s after KakaoTalk was back"],
            ["waited", _waited(outage.waited)],
            ["afterwards", f"{outage.change.verdict}, {outage.change.pending:,} pending"],
        ],
    )


def _waited(seconds: list[float]) -> str:
    return f"median {percentile(seconds, 50):.0f} s, p99 {percentile(seconds, 99):.0f} s, at most {seconds[-1]:.0f} s"


MEASUREMENT = Measurement(
    "outage", "an hour without KakaoTalk in a minute: 3,000 wait, then all of them", Options, measure
)
