"""KakaoTalk takes only so much: who is registered at once, who is postponed or refused, and what becomes of them."""

import statistics
from dataclasses import dataclass

from local_azure.stack import Stack
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, by_status, percentile
from tools.bench.options import option
from tools.bench.postponing import Stored, behave, offering, stored, until_settled

ANSWERS = {"registered": 201, "postponed": 202, "refused": 503}


@dataclass(frozen=True)
class Options:
    capacity: float = option(50.0, "messages a second that KakaoTalk takes")
    times: list[float] = option(  # noqa: RUF009 a field
        [0.5, 1.0, 2.0, 4.0], "the open loop offers the capacity times this"
    )
    seconds: int = option(15, "how long it does so, each time", scales=True)
    rounds: int = option(1, "how often; the tables show medians")
    clients: list[str] = option(  # noqa: RUF009 a field
        ["prefer", "plain"], "prefer: with Prefer: respond-async; plain: without"
    )
    median: float = option(0.03, "seconds that KakaoTalk takes for a message: the median")
    p99: float = option(0.2, "the same: the 99th percentile")
    warm_up: int = option(3, "how long users register before all, unmeasured; 0: not at all")
    patience: int = option(600, "seconds until everybody must be registered")


@dataclass(frozen=True)
class Offered:
    """One load. `change`: what it has stored, once nobody was pending any more, which took `settled` seconds."""

    result: LoadResult
    rate: float
    capacity: float
    settled: float
    change: Stored

    def number(self, status: int) -> int:
        return len(self.result.seconds_of(status))

    @property
    def others(self) -> dict[str, int]:
        """Answers that nobody should get, and calls without one."""
        statuses = tuple(str(status) for status in ANSWERS.values())
        kinds: dict[str, int] = {}
        for answer in self.result.answers:
            if not answer.kind.startswith(statuses):
                kinds[answer.kind] = kinds.get(answer.kind, 0) + 1
        return kinds

    @property
    def share_at_once(self) -> float:
        """Of what was offered, or of what KakaoTalk takes if that is less."""
        return self.number(201) / (min(self.rate, self.capacity) * self.result.elapsed)

    @property
    def share_taken(self) -> float:
        """Of what was offered: registered at once or postponed."""
        return len(self.result.durations) / max(len(self.result.answers), 1)


def measure(bench: Bench, options: Options) -> list[Row]:
    found: dict[tuple[str, float], list[Offered]] = {}
    for _ in range(options.rounds):
        for client in options.clients:
            with bench.stack() as stack:
                bench.warm_up(stack, options.warm_up)
                for times in options.times:
                    bench.say(f"  {client}: {times:g} × {options.capacity:g}/s for {options.seconds} s …")
                    offered = offer(bench, stack, options, times, postponable=client == "prefer")
                    found.setdefault((client, times), []).append(offered)
    for client in options.clients:
        show(bench, client, {times: found[client, times] for times in options.times})
    return [
        Row(
            f"{times:g} × what KakaoTalk takes, {'postponable' if client == 'prefer' else 'not postponable'}",
            summary(offered),
        )
        for (client, times), offered in found.items()
    ]


def offer(bench: Bench, stack: Stack, options: Options, times: float, *, postponable: bool) -> Offered:
    """One load, and waiting until nobody is pending. Raises LoadError, TimeoutError."""
    limits = {
        "capacity": options.capacity,
        "latencyMedianSeconds": options.median,
        "latencyP99Seconds": options.p99,
    }
    before = bench.with_system(stack, stored)
    bench.with_system(stack, lambda system: behave(system, **limits))
    rate = times * options.capacity
    result = load.run("built-in", offering(stack, rate, options.seconds, postponable=postponable))
    settled = bench.with_system(stack, lambda system: until_settled(system, options.patience))
    after = bench.with_system(stack, stored)
    bench.with_system(stack, behave)
    bench.drain(stack)
    return Offered(result, rate, options.capacity, settled, after - before)


def show(bench: Bench, client: str, found: dict[float, list[Offered]]) -> None:
    bench.say("  with Prefer: respond-async" if client == "prefer" else "  without the preference")
    answers, afterwards = [], []
    for times, rounds in found.items():
        numbers = [f"{middle([each.number(status) for each in rounds]):,.0f}" for status in ANSWERS.values()]
        others = by_status({kind: number for each in rounds for kind, number in each.others.items()})
        share = f"{middle([each.share_at_once for each in rounds]):.0%}"
        answers.append([f"{times:g}", *numbers, others, share, *(times_of(rounds, each) for each in ANSWERS.values())])
        settled = f"{middle([each.settled for each in rounds]):.0f} s"
        afterwards.append([f"{times:g}", settled, *(ended(each) for each in rounds)])
    columns = ("load", *ANSWERS, "other", "at once", *(f"{name}: p50, p99" for name in ANSWERS))
    bench.table(columns, answers)
    bench.table(("load", "settled after", *["afterwards"] * len(next(iter(found.values())))), afterwards)


def middle(values: list[float] | list[int]) -> float:
    return float(statistics.median(values))


def times_of(rounds: list[Offered], status: int) -> str:
    """The medians of the percentiles."""
    measured = [seconds for each in rounds if (seconds := each.result.seconds_of(status))]
    if not measured:
        return "–"
    p50, p99 = (middle([percentile(seconds, percent) * 1000 for seconds in measured]) for percent in (50, 99))
    return f"{p50:,.0f}, {p99:,.0f} ms"


def ended(offered: Offered) -> str:
    """How what was postponed has ended, and whether all that is stored agrees."""
    postponed = {status: number for status, number in offered.change.postponed.items() if number}
    statuses = ", ".join(f"{number:,} {status}" for status, number in postponed.items()) or "nobody postponed"
    return f"{statuses}; {offered.change.verdict}"


def summary(rounds: list[Offered]) -> str:
    taken, at_once = (middle([getattr(each, name) for each in rounds]) for name in ("share_taken", "share_at_once"))
    refused = times_of(rounds, 503)
    return f"{taken:.1%} registered or postponed, at once {at_once:.0%} of what KakaoTalk takes; refused in {refused}"


MEASUREMENT = Measurement(
    "postponed", "KakaoTalk takes 50 messages a second, and half to four times as many come", Options, measure
)
