"""Several messages per invocation, one invocation at a time: cardinality many. Locks are not renewed, as on Azure."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

from local_azure.functions_host.functions import Function
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
        """Dispatches from one connected receiver until stopped."""
        last_answer = time.monotonic()
        while not stopping:
            messages = await self._receive(receiver, stopping)
            if messages:
                await self._process(receiver, messages)
            elif time.monotonic() - last_answer > PROBE_INTERVAL:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await receiver.peek_messages(1, timeout=PROBE_TIMEOUT)
            else:
                continue
            last_answer = time.monotonic()

    async def _receive(self, receiver: ServiceBusReceiver, stopping: StopSignal) -> list[ServiceBusReceivedMessage]:
        messages: list[ServiceBusReceivedMessage] = []
        deadline = time.monotonic() + self.wait
        while not stopping and len(messages) < self.maximum:
            async with asyncio.timeout(OPERATION_TIMEOUT):
                messages += await receiver.receive_messages(self.maximum - len(messages), IDLE_WAIT)
            if not messages or len(messages) >= self.minimum or time.monotonic() >= deadline:
                break
        return messages

    async def _process(self, receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage]) -> None:
        call = Call(
            value=batch_bodies(messages, as_bytes=self.as_bytes),
            metadata=batch_metadata(messages),
            trace=trace_of(properties_of(messages[0])),
        )
        result = await self.worker.invoke(self.function, call)
        if result.succeeded and not self.complete:
            return
        settle = receiver.complete_message if result.succeeded else receiver.abandon_message
        for message in messages:
            try:
                async with asyncio.timeout(OPERATION_TIMEOUT):
                    await settle(message)
            except (MessageLockLostError, MessageAlreadySettled):
                continue
