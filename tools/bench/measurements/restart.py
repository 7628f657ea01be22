"""Each service restarted under load: which calls fail, and whether everything still agrees afterwards."""

import contextlib
import time
from collections import Counter
from dataclasses import dataclass

from local_azure.stack import Stack
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult, counted
from tools.bench.generator.plan import Plan
from tools.bench.options import option
from tools.bench.original import original, shown
from tools.bench.views import stored
from tools.play.local_system import LocalSystem
from tools.play.waiting import wait_until

SERVICES = ["customer", "kakao", "customerview", "gateway", "cosmos", "service_bus"]
SETTLE_SECONDS = 30.0  # how long views may be missing after the load
SETTLE_POLL_SECONDS = 0.5
# Breakers of the apps may still be open after a restart; the next load starts with closed ones.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    services: list[str] = option(SERVICES, "services to restart, one after the other")  # noqa: RUF009 a field
    seconds: int = option(15, "how long users register; the restart is in the middle", scales=True)
    warm_up: int = option(3, "how long they register before all, unmeasured; 0: not at all")


@dataclass(frozen=True)
class Restarted:
    """`took`: seconds of the command; `stored`: what was added meanwhile, by container; `seconds`: of the load."""

    service: str
    took: float
    result: LoadResult
    stored: Counter[str]
    seconds: float

    @property
    def duration(self) -> str:
        """How long it took; a load that ended before it does not show what fails in all."""
        return f"{self.took:.1f} s{', longer than the load' if self.took > self.seconds / 2 else ''}"

    @property
    def consistency(self) -> str:
        """What was acknowledged, compared with what is stored."""
        acknowledged, stored = len(self.result.durations), self.stored
        if lost := acknowledged - stored[CUSTOMERS]:
            if lost > 0:
                return f"LOST: {lost} of {acknowledged} that were acknowledged are not stored"
            return f"{-lost} registered, but their answer was lost{self._others()}"
        return f"exact{self._others()}"

    def _others(self) -> str:
        customers = self.stored[CUSTOMERS]
        told, views = self.stored[KAKAOS] - customers, self.stored[CUSTOMER_VIEWS] - customers
        notes = [f"{told} told, but not registered"] if told > 0 else []
        notes += [f"NOT TOLD: {-told}"] if told < 0 else []
        notes += [f"VIEWS: {views:+d}"] if views else []
        return f"; {', '.join(notes)}" if notes else ""


def measure(bench: Bench, options: Options) -> list[Row]:
    """Uses the built-in generator with open connections, because it says what a refused call was told."""
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        restarted = [restart(bench, stack, service, options.seconds) for service in options.services]
    show(bench, restarted)
    was = f"{shown(original().restart.availability_percent, 2)} %"
    return [
        Row(
            f"restart {one.service}, {bench.users} users",
            f"{one.result.availability:.2f} %, {one.result.failures.total():,} failed, "
            f"{one.duration}; {one.consistency}",
            f"{was} (without, with probes; 1 user)" if one.service == "customer" else "–",
        )
        for one in restarted
    ]


def restart(bench: Bench, stack: Stack, service: str, seconds: float) -> Restarted:
    """Restarts a service in the middle of a load. Raises LoadError, StackError."""
    bench.say(f"  {bench.users} users for {seconds:g} s, and {service} is restarted …")
    before = bench.with_system(stack, settled)
    call = bench.plan(stack, seconds).call
    with load.Load("built-in", Plan(call, seconds, users=bench.users)) as running:
        time.sleep(seconds / 2)
        start = time.monotonic()
        stack.restart_service(service)
        took = time.monotonic() - start
        result = running.result()
    bench.drain(stack)
    after = bench.with_system(stack, settled)
    after.subtract(before)
    # `drain` has registered a last customer.
    after.subtract(dict.fromkeys(after, 1))
    time.sleep(PAUSE_SECONDS)
    return Restarted(service, took, result, after, seconds)


async def settled(system: LocalSystem) -> Counter[str]:
    """What is stored, by container, once there are as many views as customers, or after a while."""
    found: Counter[str] = Counter()

    async def agree() -> bool:
        found.update({name: number - found[name] for name, number in (await stored(system)).items()})
        return found[CUSTOMERS] == found[CUSTOMER_VIEWS]

    with contextlib.suppress(TimeoutError):
        await wait_until(agree, "views and customers agree", SETTLE_SECONDS, SETTLE_POLL_SECONDS)
    return found


def show(bench: Bench, restarted: list[Restarted]) -> None:
    rows = [
        [
            one.service,
            one.duration,
            f"{len(one.result.durations):,}",
            f"{one.result.availability:.2f} %",
            counted(one.result.failures) or "0",
            one.consistency,
        ]
        for one in restarted
    ]
    bench.table(("restarted", "took", "registered", "availability", "failed", "afterwards"), rows)


MEASUREMENT = Measurement("restart", "each service restarted under load: availability, consistency", Options, measure)
