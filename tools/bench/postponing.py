"""Postponed registrations: how KakaoTalk behaves, what became of them, and what Service Bus had to do."""

import asyncio
import json
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from local_azure.stack import Stack
from shared.domain.events import EventType
from shared.domain.registration import RegistrationStatus
from shared.resources import CUSTOMERS, KAKAOS, REGISTRATIONS_POSTPONED, TOPIC, VIEW_UPDATER
from tools.bench.bench import BODY, Bench
from tools.bench.figures import LoadResult, milliseconds
from tools.bench.generator.plan import Call, Plan
from tools.play.local_system import LocalSystem

PREFERENCE: Final = {"Prefer": "respond-async"}
OPERATIONS_FILE: Final = "service-bus-operations.json"
SAMPLE_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0

type Counts = Mapping[str, Mapping[str, int]]
"""Operations by entity and kind, since the start."""


def offering(stack: Stack, rate: float, seconds: float, *, postponable: bool) -> Plan:
    """An open loop of registrations."""
    call = Call([f"{stack.url('gateway')}/customers"], "POST", BODY, PREFERENCE if postponable else {})
    return Plan(call, seconds, rate=rate)


async def behave(system: LocalSystem, **behaviour: object) -> None:
    """Changes the sandbox provider. Raises RuntimeError."""
    response = await system.call("PUT", "/sandbox", service="kakao", json=behaviour)
    if response.status != 200:
        raise RuntimeError(f"the sandbox could not be changed: {response.status} {response.text}")


@dataclass(frozen=True)
class Stored:
    """What is stored of all registrations. `postponed`: by status, those that have ended included."""

    customers: int
    messages: int
    events: int
    postponed: Mapping[str, int]

    @property
    def pending(self) -> int:
        return self.postponed[RegistrationStatus.PENDING]

    @property
    def verdict(self) -> str:
        """Whether each customer has one message and one event, and no message is without a customer."""
        numbers = f"{self.customers:,} customers, {self.messages:,} messages, {self.events:,} events"
        return f"{numbers}: {'equal' if self.customers == self.messages == self.events else 'NOT EQUAL'}"

    def __sub__(self, other: Self) -> "Stored":
        postponed = {status: number - other.postponed[status] for status, number in self.postponed.items()}
        return Stored(
            self.customers - other.customers, self.messages - other.messages, self.events - other.events, postponed
        )


async def stored(system: LocalSystem) -> Stored:
    async def count(container: str, where: str, **parameters: object) -> int:
        query = f"SELECT VALUE COUNT(1) FROM c WHERE {where}"  # noqa: S608 constants
        return int((await system.query(container, query, **parameters))[0])

    in_status = "c.type = 'registration' AND c.status = @status"
    return Stored(
        await count(CUSTOMERS, "c.type = 'customer'"),
        await count(KAKAOS, "c.type = 'message'"),
        await count(CUSTOMERS, "c.type = 'event' AND c.event.type = @type", type=EventType.REGISTERED.value),
        {status.value: await count(CUSTOMERS, in_status, status=status.value) for status in RegistrationStatus},
    )


async def pending(system: LocalSystem) -> int:
    return int((await system.query(CUSTOMERS, "SELECT VALUE COUNT(1) FROM c WHERE c.pendingSince > ''"))[0])


async def until_settled(system: LocalSystem, patience: float) -> float:
    """Waits until nobody is pending; returns the seconds. Raises TimeoutError."""
    start = time.monotonic()
    while left := await pending(system):
        if time.monotonic() - start > patience:
            raise TimeoutError(f"after {patience:.0f} s {left:,} are still pending")
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - start


def operations(stack: Stack) -> Counts:
    """What each entity has done since the start; at most a second old."""
    try:
        counts: Counts = json.loads((stack.state.folder / OPERATIONS_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return counts


@dataclass(frozen=True)
class Second:
    """What Service Bus did within about a second. `tries`: attempts delivered; `registered`: events handled.

    Events sent would be too many: the sweep of the outbox sends each once more, and the topic drops it.
    """

    at: float
    operations: float
    of_attempts: float
    tries: float
    registered: float


@dataclass
class Watch:
    """Samples the operations of Service Bus in the background, as long as it is entered."""

    stack: Stack
    seconds: list[Second] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        before, then = operations(self.stack), time.monotonic()
        while not self._ended.wait(SAMPLE_SECONDS):
            after, now = operations(self.stack), time.monotonic()
            self.seconds.append(difference(before, after, now, now - then))
            before, then = after, now

    def between(self, start: float, end: float) -> list[Second]:
        """By time.monotonic."""
        return [second for second in self.seconds if start < second.at <= end]


def difference(before: Counts, after: Counts, now: float, passed: float) -> Second:
    """What was done within `passed` seconds until `now`."""

    def rate(entity: str, kind: str | None = None) -> float:
        """Of all entities whose path begins like this, and of all kinds or one."""
        changes = (
            number - before.get(path, {}).get(each, 0)
            for path, kinds in after.items()
            if path.startswith(entity.lower())
            for each, number in kinds.items()
            if kind in (None, each)
        )
        return sum(changes) / passed

    attempts = REGISTRATIONS_POSTPONED
    views = f"{TOPIC}/subscriptions/{VIEW_UPDATER}"
    return Second(now, rate(""), rate(attempts), rate(attempts, "delivered"), rate(views, "settled"))


def show_seconds(bench: Bench, watch: Watch, spans: Mapping[str, tuple[float, float]]) -> None:
    """A line for each span of time."""
    rows = []
    for name, (start, end) in spans.items():
        seconds = watch.between(start, end)
        measured = ("operations", "of_attempts", "tries", "registered")
        rows.append([name, *(median_and_most([getattr(second, each) for second in seconds]) for each in measured)])
    bench.table(("a second", "operations on Service Bus", "of them for attempts", "tries", "registered"), rows)


def taken(result: LoadResult) -> str:
    """What was answered to an open loop of those who would rather wait than be refused."""
    at_once, postponed = result.seconds_of(201), result.seconds_of(202)
    others = len(result.answers) - len(at_once) - len(postponed)
    return (
        f"{len(at_once):,} registered at once (p50 {milliseconds(at_once, 50)}, p99 {milliseconds(at_once, 99)}), "
        f"{len(postponed):,} postponed (p99 {milliseconds(postponed, 99)}), {others:,} others"
    )


def median_and_most(values: Sequence[float]) -> str:
    """`median 12.0, at most 34`; a dash without values."""
    return f"median {statistics.median(values):,.1f}, at most {max(values):,.0f}" if values else "–"


async def waits(system: LocalSystem) -> list[float]:
    """Seconds from accepting to registering, of each that was postponed and is registered."""
    query = (
        "SELECT c.acceptedAt, c.customer.registeredAt FROM c WHERE c.type = 'registration' AND c.status = 'registered'"
    )
    found: list[dict[str, Any]] = await system.query(CUSTOMERS, query)
    return sorted((_moment(each["registeredAt"]) - _moment(each["acceptedAt"])).total_seconds() for each in found)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
