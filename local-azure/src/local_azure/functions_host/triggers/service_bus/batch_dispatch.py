"""Several messages per invocation, one invocation at a time: cardinality many. Locks are not renewed, as on Azure."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

from local_azure.functions_host.functions import Function
from local_azure.functions_host.trace_context import continue_trace
from local_azure.functions_host.triggers.outage import StopSignal
from local_azure.functions_host.triggers.service_bus.metadata import (
    batch_bodies,
    batch_metadata,
    properties_of,
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

# Seconds to wait for more messages where one was there already: long enough to read a batch from the socket. If none
# comes, the SDK waits for SOCKET_TIMEOUT_BATCH.
BATCH_WINDOW = 0.02
# Seconds after which a message counts as waited for: more than one that is there takes after connecting. It is handled
# at once, because nothing else is there.
WAITED = 0.02
# The share of its lock that an invocation may use up before the messages in the SDK's buffer are given back, because
# their locks run too.
LONG_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class BatchDispatch:
    """A batch has at most `maximum` messages. `wait`: seconds to wait until it has `minimum`."""

    function: Function
    worker: Worker
    minimum: int
    maximum: int
    wait: float
    complete: bool
    as_bytes: bool

    async def run(self, receiver: ServiceBusReceiver, stopping: StopSignal) -> None:
        """Dispatches from one connected receiver until stopped, or after a long invocation.

        Closing the receiver gives the messages in its buffer back, without counting a delivery: on Azure none are in a
        buffer, so that a batch begins with fresh locks.
        """
        last_answer, was_long = time.monotonic(), False
        while not stopping and not was_long:
            messages = await self._receive(receiver, stopping)
            if messages:
                before, lock = time.monotonic(), _lock_seconds(messages[0])
                await self._process(receiver, messages)
                was_long = time.monotonic() - before > LONG_SHARE * lock
            elif time.monotonic() - last_answer > PROBE_INTERVAL:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await receiver.peek_messages(1, timeout=PROBE_TIMEOUT)
            else:
                continue
            last_answer = time.monotonic()
        async with asyncio.timeout(OPERATION_TIMEOUT):
            await receiver.close()

    async def _receive(self, receiver: ServiceBusReceiver, stopping: StopSignal) -> list[ServiceBusReceivedMessage]:
        messages: list[ServiceBusReceivedMessage] = []
        deadline = time.monotonic() + self.wait
        while not stopping:
            messages += await _receive_some(receiver, self.maximum - len(messages))
            if not messages or len(messages) >= self.minimum or time.monotonic() >= deadline:
                break
        return messages

    async def _process(self, receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage]) -> None:
        parents = [trace_of(properties_of(message)) for message in messages]
        call = Call(
            value=batch_bodies(messages, as_bytes=self.as_bytes),
            metadata=batch_metadata(messages),
            trace=continue_trace(None),
            causes=tuple(trace.parent for trace in parents if not trace.begins),
        )
        result = await self.worker.invoke(self.function, call)
        if result.succeeded and not self.complete:
            return
        settle = receiver.complete_message if result.succeeded else receiver.abandon_message
        lost = sum(await asyncio.gather(*[_is_lost(settle, message) for message in messages]))
        if lost:
            logger.warning(
                "function=%s: the locks of %d messages of a batch were lost; they will be delivered again",
                self.function.name,
                lost,
            )


async def _receive_some(receiver: ServiceBusReceiver, most: int) -> list[ServiceBusReceivedMessage]:
    """Waits for a message; takes all that are there if one was.

    Asked for all of them in one call, the SDK would wait 0.2 s longer for a batch that is not full.
    """
    async with asyncio.timeout(OPERATION_TIMEOUT):
        before = time.monotonic()
        messages = await receiver.receive_messages(1, IDLE_WAIT)
        if messages and most > 1 and time.monotonic() - before < WAITED:
            messages += await receiver.receive_messages(most - 1, BATCH_WINDOW)
        return messages


async def _is_lost(
    settle: Callable[[ServiceBusReceivedMessage], Awaitable[None]], message: ServiceBusReceivedMessage
) -> bool:
    """Settles a message. Returns whether its lock was lost."""
    try:
        async with asyncio.timeout(OPERATION_TIMEOUT):
            await settle(message)
    except MessageAlreadySettled:
        return False
    except MessageLockLostError:
        return True
    return False


def _lock_seconds(message: ServiceBusReceivedMessage) -> float:
    """How long the message is still locked, by the clock of the broker's machine, which is this one's here."""
    until = message.locked_until_utc
    return (until - datetime.now(UTC)).total_seconds() if until else 0.0
