"""The key that signs customers' tokens changes under load, as docs/sessions.md says: nobody may be refused."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from local_azure.stack import Stack
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS
from shared.settings import Access
from tools.bench.bench import Bench, Measurement, Row
from tools.bench.figures import counted
from tools.bench.load import LoadError
from tools.bench.options import option
from tools.play.apps import APPS
from tools.play.people import CONSENTING, CustomersSystem
from tools.play.system import Response

USERS = 16
"""They sign in, and open a connection for each call, in this one process: more would wait for it."""

NOBODYS = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Options:
    seconds: int = option(5, "how long users call between the steps", scales=True)
    warm_up: int = option(3, "how long they register before all, unmeasured; 0: not at all")


@dataclass(frozen=True)
class Step:
    """`seconds`: how long it took. `refused`: calls that did not succeed, by status."""

    name: str
    seconds: float
    calls: int
    refused: Counter[str]


@dataclass
class Crowd:
    """People who sign in, register and look at their registration, again and again, until `leave`.

    Whoever has signed in comes back with the same token later.
    """

    system: CustomersSystem
    users: int
    calls: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _registered: list[tuple[CustomersSystem, str]] = field(default_factory=list)
    _over: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def come(self) -> None:
        self._tasks = [asyncio.create_task(self._use(number)) for number in range(self.users)]

    async def leave(self) -> None:
        """Returns once the last call is answered. Raises what went wrong."""
        self._over = True
        await asyncio.gather(*self._tasks)

    async def _use(self, number: int) -> None:
        for earlier in count(number):
            if self._over:
                return
            newcomer = self.system.newcomer()
            response = await newcomer.call("POST", "/customers", json=CONSENTING)
            if self._count("POST /customers", response, 201):
                self._registered.append((newcomer, response.body["id"]))
            if self._registered:
                returning, own = self._registered[earlier % len(self._registered)]
                self._count("GET /customers", await returning.call("GET", f"/customers/{own}"), 200)
                # The view may not be there yet.
                self._count("GET /customerViews", await returning.call("GET", f"/customerViews/{own}"), 200, 404)

    def _count(self, call: str, response: Response, *expected: int) -> bool:
        self.calls += 1
        if response.status not in expected:
            self.refused[f"{call} {response.status}"] += 1
        return response.status in expected


class Rotation:
    """Changes the key while a crowd calls. `seconds`: how long it calls between the steps."""

    def __init__(self, system: CustomersSystem, users: int, seconds: float) -> None:
        self.steps: list[Step] = []
        self._system = system
        self._users = users
        self._seconds = seconds
        self._crowds: list[Crowd] = []

    @property
    def calls(self) -> int:
        return sum(crowd.calls for crowd in self._crowds)

    @property
    def refused(self) -> Counter[str]:
        return sum((crowd.refused for crowd in self._crowds), Counter())

    async def run(self) -> None:
        keys, before = self._system.keys, self._system.newcomer()
        crowd = self._crowd()
        await self._step("before", self._pause)
        keys.publish()
        await self._step("publish: each app restarts", self._restart)
        keys.sign()
        await self._step("sign", self._pause)
        # An hour later: everybody has signed in anew, since no token lasts longer.
        after = self._crowd()
        await self._step("the last tokens of the key before expire", crowd.leave)
        keys.retire()
        await self._step("retire: each app restarts", self._restart)
        await self._step("after", self._pause)
        await after.leave()
        await self._expect_retired(before)

    def _crowd(self) -> Crowd:
        crowd = Crowd(self._system, self._users)
        self._crowds.append(crowd)
        crowd.come()
        return crowd

    async def _pause(self) -> None:
        await asyncio.sleep(self._seconds)

    async def _restart(self) -> None:
        for app in APPS:
            await asyncio.to_thread(self._system.stack.restart_service, app)

    async def _step(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        start, calls, refused = time.monotonic(), self.calls, self.refused
        await work()
        took = time.monotonic() - start
        self.steps.append(Step(name, took, self.calls - calls, self.refused - refused))

    async def _expect_retired(self, before: CustomersSystem) -> None:
        """Raises LoadError if an app still accepts the key that has retired: then nothing was shown."""
        for collection in (CUSTOMERS, CUSTOMER_VIEWS):
            path = f"/{collection}/{NOBODYS}"
            response = await before.call("GET", path)
            if response.status != 401:
                raise LoadError(f"GET {path} with a token of the retired key: {response.status} instead of 401")


async def rotate(stack: Stack, users: int, seconds: float) -> Rotation:
    """Changes the key of a stack with ACCESS=customers under load. Raises LoadError."""
    async with CustomersSystem.of(stack) as system:
        rotation = Rotation(system, users, seconds)
        await rotation.run()
        return rotation


def measure(bench: Bench, options: Options) -> list[Row]:
    """Has users of its own, who sign in while the load runs."""
    bench = replace(bench, access=Access.CUSTOMERS)
    with bench.stack() as stack:
        bench.warm_up(stack, options.warm_up)
        bench.say(f"  {USERS} users sign in, register and look it up, and the key changes …")
        rotation = asyncio.run(rotate(stack, USERS, options.seconds))
    show(bench, rotation)
    return [
        Row(
            f"a new key for customers' tokens, {USERS} users",
            f"{rotation.refused.total():,} of {rotation.calls:,} calls refused",
        )
    ]


def show(bench: Bench, rotation: Rotation) -> None:
    rows = [
        [step.name, f"{step.seconds:.1f} s", f"{step.calls:,}", counted(step.refused) or "0"] for step in rotation.steps
    ]
    bench.table(("step", "took", "calls", "refused"), rows)


MEASUREMENT = Measurement(
    "rotation", "the key of customers' tokens changes under load: which calls are refused", Options, measure
)
