"""Callers and one processor that everything shares, refusals too, in virtual time: what is left for registering."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from shared.adapters.admission import Admission
from shared.domain.errors import Overloaded
from shared.use_cases.admitting import Slot
from tests.virtual_time import run_virtually, virtual_loop

DEADLINE = 2.0
STEPS = 10  # turns of the event loop that serving one takes
REFUSAL = 0.07  # of the work of serving one, as measured with `python -m tools.bench overload`
ON_THE_WAY = 0.005  # seconds for which a caller is between an answer and his next call
UNEVEN = 0.15  # the machine is so much faster or slower, each half second anew
FIRST_USERS, FIRST_SECONDS = 100, 5.0  # a load that can be served, from which the pace is known


@dataclass(eq=False)
class _Serving:
    left: float
    done: asyncio.Future[None]


@dataclass
class BusyMachine:
    """`capacity`: how many it serves in a second if it refuses nobody. `gateway`: how many it lets in at once.

    `served` and `refused`: how many, after the first seconds; `refusals`: seconds that each took.
    """

    capacity: float
    at_once: int
    gateway: int = 10_000
    served: int = 0
    refusals: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def closed_loop(self, users: int, seconds: float) -> "BusyMachine":
        """Each calls again as soon as he is answered."""
        run_virtually(self._run(self._users(users, seconds), seconds))
        return self

    def open_loop(self, rate: float, seconds: float) -> "BusyMachine":
        """`rate` calls a second, answered or not."""
        run_virtually(self._run(self._calls(rate, seconds), seconds))
        return self

    @property
    def goodput(self) -> float:
        """The share of the capacity that served somebody in time."""
        return self.served / self.seconds / self.capacity

    async def _run(self, load: Coroutine[None, None, None], seconds: float) -> None:
        self._chance = random.Random(1)  # noqa: S311
        self._admission = Admission(self.at_once, DEADLINE)
        self._serving: list[_Serving] = []
        self._refusing: list[asyncio.Future[None]] = []
        self._inside = 0
        processor = asyncio.create_task(self._work())
        await self._users(FIRST_USERS, FIRST_SECONDS)
        self.served, self.seconds = 0, seconds
        self.refusals.clear()
        await load
        processor.cancel()

    async def _users(self, users: int, seconds: float) -> None:
        end = virtual_loop().time() + seconds

        async def user() -> None:
            while virtual_loop().time() < end:
                await self._call(end)
                await asyncio.sleep(ON_THE_WAY)

        await asyncio.gather(*(user() for _ in range(users)))

    async def _calls(self, rate: float, seconds: float) -> None:
        loop = virtual_loop()
        moment, end = loop.time(), loop.time() + seconds
        calls = []
        while (moment := moment + self._chance.expovariate(rate)) < end:
            if moment > loop.time():
                await asyncio.sleep(moment - loop.time())
            calls.append(asyncio.create_task(self._call(end)))
        await asyncio.gather(*calls)

    async def _call(self, end: float) -> None:
        loop = virtual_loop()
        came = loop.time()
        if self._inside >= self.gateway:
            self.refusals.append(0.0)
            return
        self._inside += 1
        try:
            slot = await self._admission.enter()
        except Overloaded:
            await self._worked(self._refusing.append)
            self.refusals.append(loop.time() - came)
        else:
            await self._serve(slot)
            self.served += slot.served and loop.time() < end
            self._admission.leave(slot)
        self._inside -= 1

    async def _serve(self, slot: Slot) -> None:
        work = self._chance.uniform(0.7, 1.3)
        try:
            async with asyncio.timeout_at(slot.deadline.at):
                await self._worked(lambda done: self._serving.append(_Serving(work, done)))
        except TimeoutError:
            slot.served = False

    async def _worked(self, begin: Callable[[asyncio.Future[None]], None]) -> None:
        done = virtual_loop().create_future()
        begin(done)
        await done

    async def _work(self) -> None:
        """Each turn goes on with all that are being served, and ends each refusal that waits for it."""
        loop, speed, until = virtual_loop(), 1.0, 0.0
        while True:
            if loop.time() >= until:
                speed, until = self._chance.uniform(1 - UNEVEN, 1 + UNEVEN), loop.time() + 0.5
            refusing, self._refusing = self._refusing, []
            self._serving = [each for each in self._serving if not each.done.done()]
            work = REFUSAL * len(refusing) + len(self._serving) / STEPS
            if not work:
                await asyncio.sleep(0.001)
                continue
            loop.work(work / self.capacity / speed)
            for refusal in refusing:
                refusal.set_result(None)
            for each in self._serving:
                each.left -= 1 / STEPS
                if each.left <= 0 and not each.done.done():
                    each.done.set_result(None)
            for _ in range(2):  # once for the callers, once for those that are handed their slots
                await asyncio.sleep(0)
