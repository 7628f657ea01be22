"""Listens to a queue or subscription, and stays connected to it."""

import asyncio
from contextlib import AsyncExitStack, suppress

from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from local_azure.functions_host.functions import Function
from local_azure.functions_host.host_json import ServiceBusSection
from local_azure.functions_host.triggers.outage import Outage, Stopping, stay_connected
from local_azure.functions_host.triggers.service_bus.batch_dispatch import BatchDispatch
from local_azure.functions_host.triggers.service_bus.settings import Entity
from local_azure.functions_host.triggers.service_bus.single_dispatch import (
    OPERATION_TIMEOUT,
    Dispatch,
    SingleDispatch,
)
from local_azure.functions_host.worker import Worker

CLOSE_TIMEOUT = 1.0
# As many messages are under way as calls may run, as on Azure where each call receives for itself, but no more than
# this: what waits in the buffer is locked already.
MOST_BUFFERED = 16


class ServiceBusListener:
    """Feeds `function` from its entity. Raises StartError where its settings cannot be served."""

    def __init__(self, function: Function, worker: Worker, section: ServiceBusSection) -> None:
        self._section = section
        self._entity = Entity(function)
        self._stopping = Stopping()
        self._outage = Outage(f"function={function.name}: Service Bus {self._entity.path}")
        wanted = self._entity.settings.auto_complete_messages
        complete = section.auto_complete_messages if wanted is None else wanted
        self._singles = Dispatch(
            function=function,
            worker=worker,
            calls=section.max_concurrent_calls,
            complete=complete,
            renew_for=section.max_auto_lock_renewal_duration,
            as_bytes=self._entity.as_bytes,
        )
        self._batches = BatchDispatch(
            function=function,
            worker=worker,
            least=section.min_message_batch_size,
            most=section.max_message_batch_size,
            wait=section.max_batch_wait_time,
            complete=complete,
            as_bytes=self._entity.as_bytes,
        )

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        """Returns after stop(), once what ran has ended and is settled."""
        await stay_connected(self._session, self._outage, self._stopping)

    async def _session(self) -> None:
        async with AsyncExitStack() as stack:
            client = self._entity.client()
            stack.push_async_callback(_close, client)
            receiver = self._entity.receiver(client, self._prefetch())
            stack.push_async_callback(_close, receiver)
            async with asyncio.timeout(OPERATION_TIMEOUT):
                await receiver.__aenter__()
            self._outage.over()
            await self._dispatch(receiver)

    async def _dispatch(self, receiver: ServiceBusReceiver) -> None:
        if self._entity.takes_batches:
            await self._batches.run(receiver, self._stopping)
        else:
            await SingleDispatch(self._singles, receiver, self._stopping).run()

    def _prefetch(self) -> int:
        """The SDK's credit is one more than its prefetch count."""
        if self._entity.takes_batches or self._section.prefetch_count:
            return self._section.prefetch_count
        return min(self._section.max_concurrent_calls, MOST_BUFFERED) - 1


async def _close(closeable: ServiceBusClient | ServiceBusReceiver) -> None:
    """Closes within a bound: a frozen peer does not answer the goodbye either."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await closeable.close()
