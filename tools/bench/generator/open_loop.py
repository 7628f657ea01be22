"""An open loop: calls are sent by a schedule, whether or not earlier ones are answered.

A call's duration counts from its scheduled moment, so that a generator or a server that falls behind shows in the
figures (no coordinated omission).
"""

import asyncio
import time
from collections import Counter, deque
from functools import partial

from tools.bench.figures import Answer, LoadResult
from tools.bench.generator.connection import REFUSED, Connection, Reply
from tools.bench.generator.plan import ANSWER_SECONDS, LATE_SECONDS, Plan

TICK_SECONDS = 0.002
"""How often what is due is sent: a few calls at once at a thousand a second, and little CPU."""

FIRST_CONNECTIONS = 200
MOST_CONNECTIONS = 4000
"""More than can wait for an answer at once: two seconds of 2,000 calls a second. Beyond it calls wait, and are late."""

CONNECTING_AT_ONCE = 50
"""A server's queue of connections that it has not accepted is short: 100 is a usual length."""


async def open_loop(plan: Plan) -> LoadResult:
    """Sends `rate` calls a second for the plan's seconds, then waits for the answers."""
    load = _Load(plan)
    try:
        await load.open_first()
        await load.run()
    finally:
        load.close()
    return LoadResult("built-in, open loop", load.answers, plan.seconds, retry_after=load.retry_after, late=load.late)


class _Load:
    def __init__(self, plan: Plan) -> None:
        self.answers: list[Answer] = []
        self.retry_after: Counter[str] = Counter()
        self.late = 0
        self._plan = plan
        self._requests = plan.call.requests(keep_open=plan.keep_open)
        self._start = 0.0
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._waiting: deque[float] = deque()  # the scheduled moments of calls that no connection was free for
        self._opening: set[asyncio.Task[None]] = set()

    async def open_first(self) -> None:
        """Connects before the clock runs. Raises OSError if the server does not listen."""
        for _ in range(0, FIRST_CONNECTIONS, CONNECTING_AT_ONCE):
            opened = await asyncio.gather(*(self._connect() for _ in range(CONNECTING_AT_ONCE)))
            self._idle += opened

    async def run(self) -> None:
        total = int(self._plan.rate * self._plan.seconds)
        self._start = time.perf_counter()
        scheduled = 0
        while scheduled < total:
            due = min(total, int((time.perf_counter() - self._start) * self._plan.rate) + 1)
            while scheduled < due:
                self._send_or_wait(self._start + scheduled / self._plan.rate)
                scheduled += 1
            await asyncio.sleep(TICK_SECONDS)
        end = time.perf_counter() + ANSWER_SECONDS
        while len(self.answers) < total and time.perf_counter() < end:  # noqa: ASYNC110 an event for each is dearer
            await asyncio.sleep(TICK_SECONDS)
        for connection in list(self._all):
            connection.give_up_after(0)
        for moment in self._waiting:
            self._record(REFUSED, moment)

    def close(self) -> None:
        for task in self._opening:
            task.cancel()
        for connection in self._all:
            connection.close()

    def _send_or_wait(self, moment: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                self._send(connection, moment)
                return
            self._all.discard(connection)
        self._waiting.append(moment)
        self._open_as_needed()

    def _open_as_needed(self) -> None:
        """Opens a connection for each call that waits, a few at a time."""
        most = min(len(self._waiting), CONNECTING_AT_ONCE, MOST_CONNECTIONS - len(self._all))
        while len(self._opening) < most:
            task = asyncio.create_task(self._open_another())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            self._open_as_needed()

    def _send(self, connection: Connection, moment: float) -> None:
        if time.perf_counter() - moment > LATE_SECONDS:
            self.late += 1
        connection.send(next(self._requests), partial(self._answered, connection, moment))

    def _answered(self, connection: Connection, moment: float, reply: Reply) -> None:
        self._record(reply, moment)
        if connection.usable:
            self._use(connection)
        else:
            self._all.discard(connection)

    def _use(self, connection: Connection) -> None:
        """Sends the call that has waited longest; else the connection is idle."""
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)

    async def _open_another(self) -> None:
        try:
            connection = await self._connect()
        except OSError:
            if self._waiting:
                self._record(REFUSED, self._waiting.popleft())
            return
        self._use(connection)

    async def _connect(self) -> Connection:
        call = self._plan.call
        async with asyncio.timeout(ANSWER_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, call.host, call.port)
        self._all.add(connection)
        return connection

    def _record(self, reply: Reply, moment: float) -> None:
        now = time.perf_counter()
        self.answers.append(Answer(reply.kind, now - moment, now - self._start))
        if reply.retry_after is not None:
            self.retry_after[reply.retry_after] += 1
