"""Trying postponed registrations: one run of the timer function that comes back for them.

A timer and not a trigger of the queue: docs/decisions/0028-postponed-registrations.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.domain.errors import KakaoUnavailable, PublisherUnavailable, StoreUnavailable
from shared.domain.registration import Attempt
from shared.use_cases.registrations import AttemptQueue, KakaoTalk, ReceivedAttempt
from shared.use_cases.retry_pace import RetryPace
from shared.use_cases.trying import Outcome

log = logging.getLogger(__name__)

SECONDS_BETWEEN_RUNS: Final = 10
# No try begins later in a run, which then ends before the next is due: runs of a timer do not overlap. A restart waits
# no longer than for one run.
LONGEST_RUN_SECONDS: Final = 9.0
# How much is received ahead. Little, so that little is held when KakaoTalk stops answering.
AHEAD_SECONDS: Final = 0.2
# How long to wait for the first message; a queue with something due answers within some milliseconds.
RECEIVE_SECONDS: Final = 1.0
# How often to look whether something has ended, or whether the circuit breaker lets a call through again.
LOOK_SECONDS: Final = 0.05
# What is held any longer comes again by itself: the lock ends after a minute, and a try takes some seconds.
LONGEST_HELD_SECONDS: Final = 45.0


class TryAttempt(Protocol):
    async def __call__(self, attempt: Attempt) -> Outcome:
        """Tries, and sends the next attempt if there is to be one; afterwards this message is to be completed.

        Raises StoreUnavailable, PublisherUnavailable: it is not to be completed.
        """


class Upkeep(Protocol):
    """Whatever else is due; each knows when it was last done. Both raise StoreUnavailable, PublisherUnavailable."""

    async def end_expired_ones(self) -> None:
        """Ends what has waited too long."""

    async def sweep(self, head: Attempt | None) -> None:
        """Sends again what was lost. `head`: what the queue delivers now, None if nothing is due."""


@dataclass
class RunDeferred:
    """Receives what the pace allows, tries it side by side, and takes it off the queue.

    One for each process: what the pace has learned lasts longer than a run. `seconds`: a clock that never goes back.
    """

    queue: AttemptQueue
    kakao: KakaoTalk
    try_registration: TryAttempt
    upkeep: Upkeep
    pace: RetryPace
    seconds: Callable[[], float]
    _held: deque[tuple[ReceivedAttempt, float]] = field(default_factory=deque)
    _is_running: bool = False

    async def __call__(self) -> None:
        """Ends early if nothing is due, or without store or queue: what is left comes again. Logs that in one line.

        Raises what nobody expected of a try, after the others; its message comes again.
        """
        if self._is_running:
            return  # started by hand beside the timer: together they would be twice as fast
        self._is_running = True
        try:
            await _Run(self, self.seconds() + LONGEST_RUN_SECONDS)()
        except (StoreUnavailable, PublisherUnavailable) as error:
            log.warning("trying postponed registrations ends until the next run: %s", error)
        finally:
            self._is_running = False

    def hold(self, received: ReceivedAttempt) -> None:
        """It was received a moment ago, and is tried as soon as the pace allows."""
        self._held.append((received, self.seconds()))

    def next_held(self) -> ReceivedAttempt | None:
        """The next to try, without those that others may have by now."""
        while self._held:
            received, since = self._held.popleft()
            if self.seconds() - since < LONGEST_HELD_SECONDS:
                return received
        return None

    def is_kakao_available(self) -> bool:
        """Whether a call to KakaoTalk would be made."""
        try:
            self.kakao.check_available()
        except KakaoUnavailable:
            return False
        return True


class _Run:
    """One run, which ends at `end`."""

    def __init__(self, work: RunDeferred, end: float) -> None:
        self._work = work
        self._end = end
        self._failure: Exception | None = None
        self._is_cut_off = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_swept = False

    async def __call__(self) -> None:
        self._start(self._work.upkeep.end_expired_ones())
        try:
            await self._try_until_the_end()
        finally:
            while self._tasks:
                await asyncio.wait(self._tasks)
        if self._failure:
            raise self._failure

    async def _try_until_the_end(self) -> None:
        """Returns at the end of the time, once nothing is due, or without store or queue."""
        work, pace = self._work, self._work.pace
        while not self._is_cut_off and (left := self._end - work.seconds()) > 0:
            wait = pace.wait(work.seconds()) if work.is_kakao_available() else LOOK_SECONDS
            if wait > 0:
                await asyncio.sleep(min(wait, left, LOOK_SECONDS))
                continue
            received = work.next_held() or await self._receive(left)
            if received is None:
                return
            pace.begin(work.seconds())
            self._start(self._try(received))

    async def _receive(self, left: float) -> ReceivedAttempt | None:
        """The first of what the pace allows; the others are held."""
        work = self._work
        most = work.pace.within(min(AHEAD_SECONDS, left), work.seconds())
        received = await work.queue.receive(most, min(RECEIVE_SECONDS, left))
        for one in received:
            work.hold(one)
        if not self._has_swept:
            self._has_swept = True
            head = min((one.attempt for one in received), key=lambda attempt: attempt.due_at, default=None)
            self._start(self._work.upkeep.sweep(head))
        return work.next_held()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Awaitable[None]) -> None:
        """A failure disturbs nothing else. Without store or queue, no more is begun."""
        try:
            await work
        except Exception as error:
            if self._failure is None:
                self._failure = error
            else:
                # Only the first is raised. Not its text, which may hold personal data.
                log.warning("trying postponed registrations also met %s", type(error).__name__)
            self._is_cut_off |= isinstance(error, StoreUnavailable | PublisherUnavailable)

    async def _try(self, received: ReceivedAttempt) -> None:
        report: Callable[[float], None] = self._work.pace.not_asked
        try:
            report = self._report(await self._work.try_registration(received.attempt))
        finally:
            report(self._work.seconds())
        await self._work.queue.complete(received)

    def _report(self, outcome: Outcome) -> Callable[[float], None]:
        """How the pace is told of it."""
        pace = self._work.pace
        match outcome:
            case Outcome.REGISTERED | Outcome.REFUSED:
                return pace.succeeded
            case Outcome.BUSY:
                return pace.busy
            case Outcome.UNAVAILABLE:
                return pace.failed
            case _:
                return pace.not_asked
