"""A closed loop: each user calls again as soon as the last call is answered."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator

from tools.bench.figures import Answer, LoadResult
from tools.bench.generator.connection import REFUSED, Connection, Reply
from tools.bench.generator.plan import ANSWER_SECONDS, Plan

PAUSE_SECONDS = 0.1
"""After a refused connection, as a patient client would: a port where nobody listens refuses thousands a second."""

WATCH_SECONDS = 1.0


async def closed_loop(plan: Plan) -> LoadResult:
    """Runs the plan's users."""
    requests = plan.call.requests(keep_open=plan.keep_open)
    return await run(plan, itertools.islice(requests, plan.calls) if plan.calls else requests)


async def run(plan: Plan, requests: Iterator[bytes]) -> LoadResult:
    """Sends these requests, until they or the plan's seconds end."""
    load = _Load(plan, requests)
    await load.run()
    return LoadResult("built-in", load.answers, time.perf_counter() - load.start, retry_after=load.retry_after)


class _Load:
    def __init__(self, plan: Plan, requests: Iterator[bytes]) -> None:
        self.answers: list[Answer] = []
        self.retry_after: Counter[str] = Counter()
        self.start = time.perf_counter()
        self._plan = plan
        self._requests = requests
        self._open: set[Connection] = set()

    async def run(self) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*(self._user() for _ in range(self._plan.users)))
        finally:
            watch.cancel()
            for connection in self._open:
                connection.close()

    async def _user(self) -> None:
        loop = asyncio.get_running_loop()
        connection: Connection | None = None
        end = self.start + self._plan.seconds
        while (before := time.perf_counter()) < end and (request := next(self._requests, None)) is not None:
            try:
                if connection is None or not connection.usable:
                    connection = await self._connect(connection)
            except OSError:
                self._record(REFUSED, before)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            replied: asyncio.Future[Reply] = loop.create_future()
            connection.send(request, replied.set_result)
            self._record(await replied, before)
            if not self._plan.keep_open:
                connection.close()

    async def _connect(self, last: Connection | None) -> Connection:
        if last is not None:
            self._open.discard(last)
        call = self._plan.call
        async with asyncio.timeout(ANSWER_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, call.host, call.port)
        self._open.add(connection)
        return connection

    def _record(self, reply: Reply, before: float) -> None:
        now = time.perf_counter()
        self.answers.append(Answer(reply.kind, now - before, now - self.start))
        if reply.retry_after is not None:
            self.retry_after[reply.retry_after] += 1

    async def _watch(self) -> None:
        """One timer for all calls is cheaper than one for each."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for connection in list(self._open):
                connection.give_up_after(ANSWER_SECONDS)
