"""Very many postponed registrations: what they cost while KakaoTalk is down, and how they drain once it is back."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from local_azure.stack import Stack
from shared.domain.documents import DocumentKind
from shared.resources import CUSTOMERS, REGISTRATIONS_POSTPONED
from tools.bench import load
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import LoadResult
from tools.bench.filling import fill
from tools.bench.options import option
from tools.bench.postponing import (
    PREFERENCE,
    Second,
    Stored,
    Watch,
    behave,
    median_and_most,
    offering,
    operations,
    pending,
    show_seconds,
    stored,
    taken,
)
from tools.play.local_system import LocalSystem
from tools.play.system import YEON

FULL = 180_000
"""An hour at 50 a second."""

MOST_OF_THEM = 0.9
LOOK_SECONDS = 5.0
SEEDING_SECONDS = 1800


@dataclass(frozen=True)
class Options:
    waiting: int = option(6000, "registrations that wait; the real outage has 180,000", scales=True)
    capacity: float = option(50.0, "messages a second that KakaoTalk takes once it is back")
    down_seconds: int = option(30, "how long it is watched while KakaoTalk is down", scales=True)
    beside: float = option(0.5, "new registrations in the drain, as a share of the capacity")
    beside_seconds: int = option(60, "how long they come", scales=True)
    warm_up: int = option(3, "how long users register before all, unmeasured; 0: not at all")
    patience: int = option(14_400, "seconds until everybody must be registered")


@dataclass(frozen=True)
class Drained:
    """Moments on time.monotonic. `accepted`: when all of them were; `last`: when the last was registered, both UTC."""

    seeded: float
    back: float
    beside_ended: float
    settled: float
    accepted: datetime
    last: datetime
    new: LoadResult
    change: Stored
    watch: Watch

    def span(self, start: float, end: float) -> list[Second]:
        return self.watch.between(start, end)


def measure(bench: Bench, options: Options) -> list[Row]:
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        drained = play(bench, stack, options)
    show(bench, options, drained)
    alone = drained.span(drained.beside_ended, drained.settled)
    rate = steady([second.registered for second in alone])
    every = drained.span(drained.back, drained.settled)
    full = f"; {FULL:,} would take {FULL / rate / 60:.0f} minutes" if rate and options.waiting < FULL else ""
    return [
        Row(
            f"{options.waiting:,} drain",
            f"{drained.settled - drained.back:,.0f} s, {rate:.1f}/s of {options.capacity:g}/s alone{full}",
        ),
        Row("operations a second on Service Bus then", median_and_most([second.operations for second in every])),
    ]


def play(bench: Bench, stack: Stack, options: Options) -> Drained:
    """Raises LoadError, TimeoutError."""
    before = bench.with_system(stack, stored)
    with Watch(stack) as watch:
        bench.with_system(stack, lambda system: behave(system, outage=True))
        bench.say(f"  storing {options.waiting:,} pending registrations …")
        accepted = bench.with_system(stack, lambda system: seed(system, options.waiting))
        bench.say(f"  KakaoTalk stays down for {options.down_seconds} s …")
        seeded = time.monotonic()
        time.sleep(options.down_seconds)
        bench.say(f"  it is back and takes {options.capacity:g} a second …")
        bench.with_system(stack, lambda system: behave(system, capacity=options.capacity))
        back = time.monotonic()
        beside = offering(stack, options.beside * options.capacity, options.beside_seconds, postponable=True)
        new = load.run("built-in", beside)
        ended = time.monotonic()
        bench.with_system(stack, lambda system: until_drained(system, options.patience, bench.say))
        settled = time.monotonic()
    last = bench.with_system(stack, last_registered)
    change = bench.with_system(stack, stored) - before
    return Drained(seeded, back, ended, settled, accepted, last, new, change, watch)


async def seed(system: LocalSystem, waiting: int) -> datetime:
    """One is accepted by the app, the others are copies of its documents, whose attempts event-publisher sends.

    Returns when the one was accepted. Raises LoadError, TimeoutError.
    """
    response = await system.call("POST", "/customers", json=YEON, headers=PREFERENCE)
    if response.status != 202:
        raise RuntimeError(f"a registration was not postponed: {response.status} {response.text}")
    customer_id = str(response.body["id"])
    # In this order: an attempt without its registration would be taken for a late copy.
    kinds = (DocumentKind.REGISTRATION, DocumentKind.ATTEMPT)
    found = await system.stored(CUSTOMERS, customer_id)
    documents = [each for kind in kinds for each in found if each["type"] == kind]
    await asyncio.to_thread(fill, system.stack, customer_id, {CUSTOMERS: documents}, waiting - 1)
    for _ in range(SEEDING_SECONDS):
        if operations(system.stack).get(REGISTRATIONS_POSTPONED, {}).get("sent", 0) >= waiting:
            break
        await asyncio.sleep(1)
    else:
        raise TimeoutError(f"after {SEEDING_SECONDS} s not all attempts are in the queue")
    return datetime.fromisoformat(response.body["acceptedAt"])


async def until_drained(system: LocalSystem, patience: float, say: Callable[[str], None]) -> None:
    """Waits until nobody is pending. Raises TimeoutError."""
    start = said = time.monotonic()
    while left := await pending(system):
        now = time.monotonic()
        if now - start > patience:
            raise TimeoutError(f"after {patience:.0f} s {left:,} are still pending")
        if now - said > 60:
            said = now
            say(f"  {left:,} are pending after {now - start:,.0f} s …")
        await asyncio.sleep(LOOK_SECONDS if left > 500 else 0.5)


async def last_registered(system: LocalSystem) -> datetime:
    query = "SELECT VALUE MAX(c.customer.registeredAt) FROM c WHERE c.type = 'registration' AND c.status = 'registered'"
    return datetime.fromisoformat((await system.query(CUSTOMERS, query))[0]).astimezone(UTC)


def steady(rates: list[float]) -> float:
    """The mean until nine tenths are done: the last ones wait for the pauses after their earlier attempts."""
    enough, done = MOST_OF_THEM * sum(rates), 0.0
    for seconds, rate in enumerate(rates, 1):
        done += rate
        if done >= enough:
            return done / seconds
    return 0.0


def show(bench: Bench, options: Options, drained: Drained) -> None:
    spans = {
        "while it was down": (drained.seeded, drained.back),
        "beside new registrations": (drained.back, drained.beside_ended),
        "alone": (drained.beside_ended, drained.settled),
    }
    show_seconds(bench, drained.watch, spans)
    waited, outage = (drained.last - drained.accepted).total_seconds(), drained.back - drained.seeded
    bench.table(
        ("", ""),
        [
            ["new ones beside it", taken(drained.new)],
            ["all registered", f"{drained.settled - drained.back:,.0f} s after KakaoTalk was back"],
            ["who waited longest", f"{waited:,.0f} s, and was watched for {outage:,.0f} s of the outage"],
            ["afterwards", f"{drained.change.verdict}, {drained.change.pending:,} pending"],
        ],
    )


MEASUREMENT = Measurement("drain", "a backlog of postponed registrations drains at real time", Options, measure)
