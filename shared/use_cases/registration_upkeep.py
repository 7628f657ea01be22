"""What postponed registrations need beside trying: ending those whose time is over, and healing what was lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from shared.domain.identifiers import Clock
from shared.domain.registration import Attempt
from shared.use_cases.registrations import AttemptQueue, PostponedRegistrations, StoredRegistration

# Seconds. A registration lives for a day, so it may end a minute late.
SECONDS_BETWEEN_ENDINGS: Final = 60.0
SECONDS_BETWEEN_SWEEPS: Final = 240.0
# A message that is delivered in vain is locked for a minute each time, and ends as a dead letter after ten. One that
# was due this long before the head of the queue, which is roughly in order of due times, is lost.
LOST_AFTER: Final = timedelta(minutes=10)
# So that neither takes the database from registering, nor lasts longer than a run. What is left is for the next.
MOST_A_RUN: Final = 100
MOST_A_SECOND: Final = 20
LONGEST_SECONDS: Final = 7.0
# A queue that answers nothing may also be out of order, so two runs must have found nothing due.
EMPTY_RUNS: Final = 2


class Keeper(Protocol):
    """What is done to one registration, which may have changed since it was found. Both raise StoreUnavailable."""

    async def expire(self, stored: StoredRegistration) -> bool:
        """Ends it. False: it has changed."""

    async def renew(self, stored: StoredRegistration) -> Attempt | None:
        """The attempt to send instead of the one that was lost. None: there is nothing to do."""


@dataclass
class RegistrationUpkeep:
    """One for each process, which remembers what it did when. `seconds`: a clock that never goes back.

    `report_oldest`: gets the moment at which the oldest pending one was accepted, None without any.
    """

    registrations: PostponedRegistrations
    queue: AttemptQueue
    keeper: Keeper
    report_oldest: Callable[[datetime | None], None]
    clock: Clock
    seconds: Callable[[], float]
    _next_ending: float = 0.0
    _next_sweep: float = 0.0
    _empty_runs: int = 0

    async def end_expired_ones(self) -> None:
        """Once a minute: ends what has expired and was certainly not told, and reports the oldest pending one.

        Raises StoreUnavailable.
        """
        started = self.seconds()
        if started < self._next_ending:
            return
        now = self.clock()
        expired = await self.registrations.expiring_before(now, MOST_A_RUN)
        for number, stored in enumerate(expired):
            if not await self._is_in_time(started, number):
                break
            await self.keeper.expire(stored)
        else:
            if len(expired) < MOST_A_RUN:
                self._next_ending = started + SECONDS_BETWEEN_ENDINGS
        self.report_oldest(await self.registrations.oldest())

    async def sweep(self, head: Attempt | None) -> None:
        """Every four minutes: sends a new message for each registration that has lost its own.

        `head`: the attempt that the queue delivers now, None if nothing is due. Raises StoreUnavailable,
        PublisherUnavailable.
        """
        started = self.seconds()
        self._empty_runs = 0 if head else self._empty_runs + 1
        if started < self._next_sweep or 0 < self._empty_runs < EMPTY_RUNS:
            return
        watermark = min(self.clock(), head.due_at) if head else self.clock()
        lost = await self.registrations.due_before(watermark - LOST_AFTER, MOST_A_RUN)
        for number, stored in enumerate(lost):
            if not await self._is_in_time(started, number):
                return
            # One by one: if Service Bus is away, only one has waited in vain for its message.
            if attempt := await self.keeper.renew(stored):
                await self.queue.send([attempt])
        if len(lost) < MOST_A_RUN:
            self._next_sweep = started + SECONDS_BETWEEN_SWEEPS

    async def _is_in_time(self, started: float, number: int) -> bool:
        """Waits until it is the turn of this one. False if that is too late for this run."""
        turn = started + number / MOST_A_SECOND
        await asyncio.sleep(max(0.0, turn - self.seconds()))
        return self.seconds() - started < LONGEST_SECONDS
