"""Many postponed registrations, and a KakaoTalk of a known capacity: what the runs make of it, in virtual time."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from shared.domain.customer import Customer
from shared.domain.errors import KakaoUnavailable
from shared.domain.identifiers import CustomerId
from shared.domain.registration import Attempt, pause_after
from shared.use_cases.deadline import Deadline
from shared.use_cases.deferred_run import SECONDS_BETWEEN_RUNS, RunDeferred
from shared.use_cases.registrations import ReceivedAttempt
from shared.use_cases.retry_pace import RetryPace
from shared.use_cases.trying import Outcome
from tests.unit.fakes import START
from tests.virtual_time import run_virtually

UNANSWERED = 20
AT_ONCE = 64
LOCK_SECONDS = 60.0
TIMEOUT_SECONDS = 2.0
SHARE_OF_RETRIES = 0.1
RECEIVE_LATENCY = 0.005


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class SimulatedQueue:
    """Delivers what is due, oldest first, and again if it was not completed within a minute."""

    waiting: list[tuple[float, int, Attempt]] = field(default_factory=list)
    locked: dict[int, tuple[float, Attempt]] = field(default_factory=dict)
    received: int = 0
    calls: int = 0
    sent: int = 0
    completed: int = 0

    def put(self, attempt: Attempt, due: float) -> None:
        self.sent += 1
        heapq.heappush(self.waiting, (due, self.sent, attempt))

    async def send(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self.put(attempt, (attempt.due_at - START).total_seconds())

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        self.calls += 1
        await asyncio.sleep(RECEIVE_LATENCY)
        for token, (until, attempt) in list(self.locked.items()):
            if until <= now():
                del self.locked[token]
                heapq.heappush(self.waiting, (until, token, attempt))
        if not self.waiting or self.waiting[0][0] > now():
            await asyncio.sleep(seconds)
        delivered: list[ReceivedAttempt] = []
        while len(delivered) < most and self.waiting and self.waiting[0][0] <= now():
            _, token, attempt = heapq.heappop(self.waiting)
            self.locked[token] = now() + LOCK_SECONDS, attempt
            delivered.append(ReceivedAttempt(attempt, token))
        self.received += len(delivered)
        return delivered

    async def complete(self, received: ReceivedAttempt) -> None:
        assert isinstance(received.token, int)
        self.completed += self.locked.pop(received.token, None) is not None


@dataclass
class SimulatedKakao:
    """Takes `capacity` a second. `is_down`: nobody answers, after `down_latency`; `fails`: the share that fails.

    While new requests were refused within the last second, retries get a tenth of what it takes.
    """

    capacity: float
    latency: float = 0.05
    down_latency: float = 0.0
    is_down: Callable[[float], bool] = lambda _: False
    fails: float = 0.0
    is_blocked: Callable[[float], bool] = lambda _: False
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311
    tokens: float = 0.0
    retry_tokens: float = 0.0
    counted_at: float = 0.0
    refused_at: float = -10.0
    tries: list[float] = field(default_factory=list)
    answers: list[tuple[float, Outcome]] = field(default_factory=list)
    new: Counter[bool] = field(default_factory=Counter)
    most_at_once: int = 0
    _at_once: int = 0

    def check_available(self) -> None:
        if self.is_blocked(now()):
            raise KakaoUnavailable("circuit open", 1)

    async def notify_registered(self, customer: Customer, deadline: Deadline, *, is_retry: bool = False) -> None:
        raise NotImplementedError

    async def was_told(self, customer_id: CustomerId, deadline: Deadline) -> bool:
        raise NotImplementedError

    def _fill(self) -> None:
        passed, self.counted_at = now() - self.counted_at, now()
        self.tokens = min(self.capacity, self.tokens + passed * self.capacity)
        share = SHARE_OF_RETRIES if now() - self.refused_at < 1 else 1
        self.retry_tokens = min(self.capacity * share, self.retry_tokens + passed * self.capacity * share)

    async def new_request(self) -> None:
        self._fill()
        is_taken = self.tokens >= 1 and not self.is_down(now())
        self.new[is_taken] += 1
        if is_taken:
            self.tokens -= 1
        else:
            self.refused_at = now()

    async def retry(self) -> Outcome:
        self.tries.append(now())
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        outcome = await self._answer()
        self._at_once -= 1
        self.answers.append((now(), outcome))
        return outcome

    async def _answer(self) -> Outcome:
        if self.is_down(now()):
            await asyncio.sleep(self.down_latency)
            return Outcome.UNAVAILABLE
        self._fill()
        if min(self.tokens, self.retry_tokens) < 1:
            await asyncio.sleep(self.latency / 5)
            return Outcome.BUSY
        self.tokens -= 1
        self.retry_tokens -= 1
        await asyncio.sleep(self.latency * self.chance.uniform(0.5, 1.5))
        return Outcome.UNAVAILABLE if self.chance.random() < self.fails else Outcome.REGISTERED

    def answered(self, outcome: Outcome, begin: float = 0, end: float = float("inf")) -> int:
        return sum(begin <= moment < end for moment, answer in self.answers if answer is outcome)

    def most_a_second(self, begin: float = 0, end: float = float("inf")) -> int:
        """The most tries within any second."""
        tries = [moment for moment in self.tries if begin <= moment < end]
        most = first = 0
        for last, moment in enumerate(tries):
            while moment - tries[first] >= 1:
                first += 1
            most = max(most, last + 1 - first)
        return most


class NoUpkeep:
    """`heads`: what the sweeps were told."""

    def __init__(self) -> None:
        self.heads: list[Attempt | None] = []

    async def end_expired_ones(self) -> None:
        pass

    async def sweep(self, head: Attempt | None) -> None:
        self.heads.append(head)


@dataclass
class Simulation:
    """`waiting` are due at the start. `new_a_second`: those who ask KakaoTalk beside them, at any moment."""

    kakao: SimulatedKakao
    waiting: int = 0
    new_a_second: Callable[[float], float] = lambda _: 0.0
    queue: SimulatedQueue = field(default_factory=SimulatedQueue)
    upkeep: NoUpkeep = field(default_factory=NoUpkeep)
    pace: RetryPace = field(default_factory=lambda: RetryPace(UNANSWERED, AT_ONCE))
    stale: Callable[[Attempt], bool] = lambda _: False
    longest_run: float = 0.0

    def run(self, seconds: float) -> "Simulation":
        """Runs as the timer does."""
        run_virtually(self._run(seconds))
        return self

    async def _run(self, seconds: float) -> None:
        for number in range(self.waiting):
            self.queue.put(Attempt.model_construct(customer_id=customer(number), number=1, due_at=START), 0.0)
        self.queue.sent = 0
        arrivals: set[asyncio.Task[None]] = {asyncio.create_task(self._arrive(seconds))}
        deferred = self.deferred()
        for start in range(0, int(seconds), SECONDS_BETWEEN_RUNS):
            if start < now():
                continue  # runs of a timer do not overlap
            await asyncio.sleep(start - now())
            await deferred()
            self.longest_run = max(self.longest_run, now() - start)
        await asyncio.gather(*arrivals)

    def deferred(self) -> RunDeferred:
        return RunDeferred(self.queue, self.kakao, self.try_registration, self.upkeep, self.pace, now)

    async def _arrive(self, seconds: float) -> None:
        while now() < seconds:
            rate = self.new_a_second(now())
            await asyncio.sleep(1 / rate if rate else 0.1)
            if rate:
                await self.kakao.new_request()

    async def try_registration(self, attempt: Attempt) -> Outcome:
        if self.stale(attempt):
            return Outcome.STALE
        outcome = await self.kakao.retry()
        if outcome in (Outcome.BUSY, Outcome.UNAVAILABLE):
            due = START + timedelta(seconds=now()) + pause_after(attempt.number, self.kakao.chance.uniform)
            await self.queue.send([attempt.model_copy(update={"number": attempt.number + 1, "due_at": due})])
        return outcome


def customer(number: int) -> CustomerId:
    return CustomerId(f"0189ee3e-0000-7000-8000-{number:012x}")
