"""Admission by time: who can still be served within his deadline waits, and anybody else is refused at once.

Why it is built like this: docs/decisions/0024-admission-by-time.md.
"""

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from shared import metrics
from shared.adapters.pace import Pace
from shared.domain.errors import Overloaded
from shared.use_cases.admitting import Slot
from shared.use_cases.deadline import Deadline

# Whoever waits is expected to wait this much longer than the measured rate says: rates vary, and what happens before
# the app is called and after it has answered is not seen here. Each refusal costs CPU, so it lowers the rate, and with
# it the number of those who can still be served: a larger margin would refuse many who could have been.
MARGIN: Final = 1.05
# Seconds from a request's arrival to its refusal, at least. A careless client comes back at once: without a pause a
# few dozen of them, refused a thousand times a second, take the CPU that would have served them.
REFUSED_AFTER: Final = 0.05
# Seconds without a queue, after which the pace is unknown again.
FORGOTTEN_AFTER: Final = 10
# A standstill is a quarter of the time in which nobody finished, although all slots were in use.
STANDSTILL: Final = 0.25
# On average a request has come half a turn of the event loop before it is read, its function is called in a later turn,
# and the turn that is being measured now is longer than the last ones if load grows.
TURNS_BEFORE_THE_CALL: Final = 2
TURN_WEIGHT: Final = 0.2
# Fewer run at once if those run in vain who had more than half of the whole time: together they are too slow. Each of
# them is one slot less, each that is served a tenth more, and an eighth always stays.
FAIR_SHARE: Final = 0.5
SLOTS_LOST: Final = 1.0
SLOTS_WON: Final = 0.1
LEAST_SHARE: Final = 1 / 8
# Seconds. Nobody is sent away for longer: by then the pace is another one.
LONGEST_RETRY_AFTER: Final = 60

TOO_LONG: Final = "queue too long"
WAITED: Final = "waited too long"


@dataclass(slots=True, eq=False)
class _Waiter:
    turn: asyncio.Future[None]
    deadline: Deadline
    timer: asyncio.TimerHandle


class Admission:
    """At most `at_once` run, in the order in which they came; each has `seconds` from its arrival to its answer.

    Fewer run if that many are too slow together.

    One for each process, on one event loop. Whatever it does takes constant time.
    """

    def __init__(self, at_once: int, seconds: float) -> None:
        self._most = at_once
        self._slots = float(at_once)
        self._seconds = seconds
        self._running = 0
        self._waiting = 0
        self._queue: deque[_Waiter] = deque()
        self._pace = Pace(at_once, STANDSTILL * seconds)
        self._saturated_until = -math.inf
        self._turn = 0.0
        self._is_timing = False
        metrics.observe_queue(lambda: self._waiting)

    async def enter(self) -> Slot:
        """Waits for a slot. Raises Overloaded, after REFUSED_AFTER or when the caller's time is up."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        came = now - self._lag(loop, now)
        deadline = Deadline(came + self._seconds)
        if self._running < int(self._slots):
            self._start(now)
        elif now + self._wait(now) * MARGIN > self._latest_start(deadline):
            await asyncio.sleep(came + REFUSED_AFTER - now)
            raise self._refusal(TOO_LONG, loop.time())
        else:
            await self._wait_for_turn(loop, deadline)
        began = loop.time()
        metrics.record_registration_wait(began - now)
        return Slot(deadline, began, self._pace.moved(began))

    def leave(self, slot: Slot) -> None:
        """Gives the slot to the next who can still be served."""
        now = asyncio.get_running_loop().time()
        if self._running >= int(self._slots):
            self._saturated_until = now
            self._pace.finish(slot.moved, now, served=slot.served)
        else:
            self._pace.go_on(now)
        self._adapt(slot, now)
        self._running -= 1
        self._hand_on(now)

    def _adapt(self, slot: Slot, now: float) -> None:
        """Changes how many run at once."""
        if slot.served:
            self._slots = min(self._most, self._slots + SLOTS_WON)
        elif now - slot.began > FAIR_SHARE * self._seconds:
            self._slots = max(1, LEAST_SHARE * self._most, self._slots - SLOTS_LOST)

    def _start(self, now: float) -> None:
        self._running += 1
        if self._running == int(self._slots):
            if now - self._saturated_until > FORGOTTEN_AFTER:
                self._pace.forget()
            self._pace.resume()

    async def _wait_for_turn(self, loop: asyncio.AbstractEventLoop, deadline: Deadline) -> None:
        turn = loop.create_future()
        waiter = _Waiter(turn, deadline, loop.call_at(self._latest_start(deadline), self._expire, turn))
        self._queue.append(waiter)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            # The caller has gone while he waited, perhaps just after he was given a slot.
            if turn.cancelled():
                self._waiting -= 1
            elif turn.exception() is None:
                self._running -= 1
                self._hand_on(loop.time())
            raise
        finally:
            waiter.timer.cancel()

    def _hand_on(self, now: float) -> None:
        """Gives what is free to the first who can still be served."""
        while self._queue and self._running < int(self._slots):
            waiter = self._queue.popleft()
            if waiter.turn.done():
                continue  # he has gone, or his time was up
            self._waiting -= 1
            if now <= self._latest_start(waiter.deadline):
                self._running += 1
                waiter.turn.set_result(None)
            else:
                waiter.turn.set_exception(self._refusal(WAITED, now))

    def _expire(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._waiting -= 1
            turn.set_exception(self._refusal(WAITED, asyncio.get_running_loop().time()))

    def _wait(self, now: float) -> float:
        """Seconds until it would be the turn of one who comes now."""
        return (self._waiting + 1) / (self._pace.rate(now) or math.ulp(0))

    def _latest_start(self, deadline: Deadline) -> float:
        """The moment after which hardly anybody could be served by the deadline."""
        return deadline.at - self._pace.service()

    def _refusal(self, reason: str, now: float) -> Overloaded:
        """The pause is the time after which somebody who comes now would be served."""
        expected = self._wait(now) + self._pace.service()
        return Overloaded(reason, min(expected, LONGEST_RETRY_AFTER) if expected else self._seconds)

    def _lag(self, loop: asyncio.AbstractEventLoop, now: float) -> float:
        """Seconds since the request came: in a busy process requests wait unseen until the loop reads them."""
        if not self._is_timing:
            self._is_timing = True
            loop.call_soon(self._turned, loop, now)
        return TURNS_BEFORE_THE_CALL * self._turn

    def _turned(self, loop: asyncio.AbstractEventLoop, since: float) -> None:
        self._is_timing = False
        self._turn += TURN_WEIGHT * (loop.time() - since - self._turn)
