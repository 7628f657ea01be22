"""Callers who arrive by a pattern at a callee of a known speed: what admission makes of it, in virtual time."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shared.adapters.admission import Admission
from shared.domain.errors import Overloaded
from tests.virtual_time import run_virtually

AT_ONCE = 16
SERVICE_SECONDS = 0.16
CAPACITY = AT_ONCE / SERVICE_SECONDS
"""100 a second."""
DEADLINE = 2.0
WELL_IN_TIME = 0.75  # the rest covers what cannot be known: how long the next ones take


@dataclass
class Caller:
    """`ended`: when he had his answer. `expected`: when he would have had it, if he had been let in."""

    arrived: float
    ended: float = 0.0
    served: bool = False
    in_vain: bool = False
    expected: float = 0.0


@dataclass
class Simulation:
    """`arrivals`: the moments; `speed`: how fast the callee is at a moment, 1 is normal, 0 is a stall.

    `shared`: those who run share the callee's capacity; else each takes his time, however many run.
    """

    arrivals: Iterator[float]
    speed: Callable[[float], float] = lambda _: 1.0
    vary: bool = True
    shared: bool = False
    seed: int = 1
    callers: list[Caller] = field(default_factory=list)
    running: int = 0
    most: int = 0
    inside: int = 0

    def run(self) -> "Simulation":
        run_virtually(self._run())
        return self

    async def _run(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311
        admission = Admission(AT_ONCE, DEADLINE)
        loop = asyncio.get_running_loop()
        tasks = []
        for moment in self.arrivals:
            await asyncio.sleep(moment - loop.time())
            tasks.append(asyncio.create_task(self._call(admission)))
        await asyncio.gather(*tasks)
        assert self.running == 0

    async def _call(self, admission: Admission) -> None:
        loop = asyncio.get_running_loop()
        caller = Caller(loop.time(), expected=loop.time() + (self.inside + 1) / CAPACITY)
        self.callers.append(caller)
        self.inside += 1
        try:
            slot = await admission.enter()
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                async with asyncio.timeout_at(slot.deadline.at):
                    await self._serve()
                caller.served = True
            except TimeoutError:
                caller.in_vain = True
                slot.served = False
            self.running -= 1
            admission.leave(slot)
        except Overloaded:
            pass
        self.inside -= 1
        caller.ended = loop.time()

    async def _serve(self) -> None:
        """Takes SERVICE_SECONDS of the callee's time, give or take a half."""
        loop = asyncio.get_running_loop()
        work = SERVICE_SECONDS * (self._random.uniform(0.5, 1.5) if self.vary else 1)
        while work > 0:
            speed = self.speed(loop.time()) * (AT_ONCE / self.running if self.shared else 1)
            step = min(0.02, work / speed if speed else 0.02)
            await asyncio.sleep(step)
            work -= step * speed

    def goodput(self, begin: float, end: float) -> float:
        """Answers in time, per second."""
        return sum(caller.served and begin <= caller.ended < end for caller in self.callers) / (end - begin)

    @property
    def latest(self) -> float:
        """The longest time to an answer of those who were served."""
        return max(c.ended - c.arrived for c in self.callers if c.served)

    def refused(self, begin: float = 0, end: float = float("inf")) -> list[Caller]:
        return [c for c in self.callers if not (c.served or c.in_vain) and begin <= c.arrived < end]

    def in_vain(self) -> list[Caller]:
        """Those who were let in, but not served by their deadline."""
        return [caller for caller in self.callers if caller.in_vain]

    def refused_for_nothing(self, begin: float = 0, end: float = float("inf")) -> list[Caller]:
        """Those who would have been served well in time if the callee had gone on at its normal speed."""
        return [c for c in self.refused(begin, end) if c.expected - c.arrived < WELL_IN_TIME * DEADLINE]

    def seconds_to_refuse(self, percent: float) -> float:
        took = sorted(c.ended - c.arrived for c in self.refused())
        return took[int(len(took) * percent / 100)] if took else 0.0
