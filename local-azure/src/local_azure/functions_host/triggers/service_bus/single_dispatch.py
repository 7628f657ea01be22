"""One message per invocation, several invocations at once: cardinality one.

The SDK reads and writes a connection under one lock, and holds it while it waits for a frame. Concurrent receiving,
settling and renewing would wait for each other, up to SOCKET_TIMEOUT_SINGLE each time. So one loop owns the receiver
and does them in turn; only the functions run concurrently.
"""

import asyncio
import logging
import math
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

from local_azure.functions_host.functions import Function
from local_azure.functions_host.triggers.outage import StopSignal, describe
from local_azure.functions_host.triggers.service_bus.metadata import (
    body_datum,
    body_of,
    properties_of,
    single_metadata,
    trace_of,
)
from local_azure.functions_host.triggers.service_bus.settings import (
    IDLE_WAIT,
    OPERATION_TIMEOUT,
    PROBE_INTERVAL,
    PROBE_TIMEOUT,
)
from local_azure.functions_host.worker import Call, Worker

logger = logging.getLogger(__name__)

BUSY_WAIT = 0.01  # seconds of one attempt to receive while functions run, whose messages are settled after it
RENEWAL_CHECK_INTERVAL = 0.25  # seconds; far below half of the shortest lock in use


@dataclass(frozen=True, slots=True)
class SingleDispatch:
    """At most `max_calls` invocations run at once. `renew_for`: seconds for which the lock of a message is renewed.

    `tasks` are the running invocations, also those of lost connections: they count towards `max_calls`.
    """

    function: Function
    worker: Worker
    max_calls: int
    complete: bool
    renew_for: float
    as_bytes: bool
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, receiver: ServiceBusReceiver, stopping: StopSignal) -> None:
        """Dispatches from one connected receiver until stopped."""
        await _ReceiverLoop(self, receiver, stopping).run()


@dataclass(slots=True)
class _Running:
    """A message and its invocation. `lock`: seconds left of its lock when it arrived, or was last renewed.

    `started` and `locked` by the monotonic clock: the wall clock may be set while the function runs.
    """

    message: ServiceBusReceivedMessage
    started: float
    locked: float
    lock: float
    succeeded: bool = False


class _ReceiverLoop:
    """The only user of one receiver. An error of the SDK ends the loop, and with it the connection."""

    def __init__(self, dispatch: SingleDispatch, receiver: ServiceBusReceiver, stopping: StopSignal) -> None:
        self._dispatch = dispatch
        self._receiver = receiver
        self._stopping = stopping
        self._running: dict[asyncio.Task[None], _Running] = {}
        self._finished: deque[_Running] = deque()
        self._some_finished = asyncio.Event()
        self._last_answer = self._last_renewal_check = time.monotonic()

    async def run(self) -> None:
        """Returns once stopped and all messages are settled."""
        while True:
            while self._finished:
                await self._settle(self._finished.popleft())
            await self._renew_locks()
            if self._stopping:
                if not self._running and not self._finished:
                    return
                await self._wait_for_finished()
            elif not self._finished and len(self._dispatch.tasks) < self._dispatch.max_calls:
                await self._receive()
            else:
                await self._wait_for_finished()

    async def _receive(self) -> None:
        async with asyncio.timeout(OPERATION_TIMEOUT):
            messages = await self._receiver.receive_messages(1, BUSY_WAIT if self._running else IDLE_WAIT)
        for message in messages:
            self._start(message)
        if messages:
            self._last_answer = time.monotonic()
            await asyncio.sleep(0)
        elif time.monotonic() - self._last_answer > PROBE_INTERVAL:
            await self._probe()

    async def _probe(self) -> None:
        """Raises an error if the peer is frozen."""
        async with asyncio.timeout(PROBE_TIMEOUT):
            await self._receiver.peek_messages(1, timeout=PROBE_TIMEOUT)
        self._last_answer = time.monotonic()

    def _start(self, message: ServiceBusReceivedMessage) -> None:
        lock = _remaining(message)
        if lock < 0:
            return  # expired in the SDK's buffer; the service delivers it again
        now = time.monotonic()
        running = _Running(message, now, now, lock)
        task = asyncio.create_task(self._invoke(running))
        self._running[task] = running
        self._dispatch.tasks.add(task)
        task.add_done_callback(self._ended)

    async def _invoke(self, running: _Running) -> None:
        message = running.message
        properties = properties_of(message)
        call = Call(
            value=body_datum(body_of(message), as_bytes=self._dispatch.as_bytes),
            metadata=single_metadata(message, properties),
            trace=trace_of(properties),
        )
        result = await self._dispatch.worker.invoke(self._dispatch.function, call)
        running.succeeded = result.succeeded

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._dispatch.tasks.discard(task)
        running = self._running.pop(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("function=%s: message refused: %s", self._dispatch.function.name, describe(error))
        self._finished.append(running)
        self._some_finished.set()

    async def _wait_for_finished(self) -> None:
        self._some_finished.clear()
        if not self._finished:
            try:
                async with asyncio.timeout(RENEWAL_CHECK_INTERVAL):
                    await self._some_finished.wait()
            except TimeoutError:
                pass

    async def _settle(self, running: _Running) -> None:
        """Completes the message on success, else abandons it. After a lost lock it is delivered again."""
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT):
                if not running.succeeded:
                    await self._receiver.abandon_message(running.message)
                elif self._dispatch.complete:
                    await self._receiver.complete_message(running.message)
        except MessageAlreadySettled:
            pass
        except MessageLockLostError:
            logger.warning(
                "function=%s: the lock of message %s was lost; it will be delivered again",
                self._dispatch.function.name,
                running.message.sequence_number,
            )
        self._last_answer = time.monotonic()

    async def _renew_locks(self) -> None:
        now = time.monotonic()
        if not self._running or now - self._last_renewal_check < RENEWAL_CHECK_INTERVAL:
            return
        self._last_renewal_check = now
        for running in list(self._running.values()):
            allowed = now - running.started < self._dispatch.renew_for
            if allowed and now - running.locked > running.lock / 2:
                await self._renew(running)

    async def _renew(self, running: _Running) -> None:
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT):
                await self._receiver.renew_message_lock(running.message)
        except MessageLockLostError:
            return  # logged when the message is settled
        running.locked, running.lock = time.monotonic(), _remaining(running.message)


def _remaining(message: ServiceBusReceivedMessage) -> float:
    """Seconds until the lock of a message that was just received or renewed expires."""
    locked_until = message.locked_until_utc
    return (locked_until - datetime.now(UTC)).total_seconds() if locked_until else math.inf
