"""Listens to a queue or subscription."""

import asyncio

from local_azure.functions_host.functions import Function
from local_azure.functions_host.host_json import ServiceBusSection
from local_azure.functions_host.triggers.outage import Outage, Session, StopSignal, stay_connected
from local_azure.functions_host.triggers.service_bus.batch_dispatch import BatchDispatch
from local_azure.functions_host.triggers.service_bus.settings import OPERATION_TIMEOUT, Entity
from local_azure.functions_host.triggers.service_bus.single_dispatch import SingleDispatch
from local_azure.functions_host.worker import Worker

# On Azure every concurrent call receives its own message. Here one receiver requests as many messages at once, up to
# this limit: messages in its buffer are locked already.
MAX_BUFFERED = 16


class ServiceBusListener:
    """Feeds `function` from its entity. Raises StartError for settings that are not supported."""

    def __init__(self, function: Function, worker: Worker, section: ServiceBusSection) -> None:
        self._section = section
        self._entity = Entity(function)
        self._stopping = StopSignal()
        self._outage = Outage(f"function={function.name}: Service Bus {self._entity.path}")
        self._dispatch = (
            self._batch_dispatch(function, worker)
            if self._entity.is_batched
            else self._single_dispatch(function, worker)
        )

    def _single_dispatch(self, function: Function, worker: Worker) -> SingleDispatch:
        return SingleDispatch(
            function=function,
            worker=worker,
            max_calls=self._section.max_concurrent_calls,
            complete=self._complete,
            renew_for=self._section.max_auto_lock_renewal_duration,
            as_bytes=self._entity.as_bytes,
        )

    def _batch_dispatch(self, function: Function, worker: Worker) -> BatchDispatch:
        return BatchDispatch(
            function=function,
            worker=worker,
            minimum=self._section.min_message_batch_size,
            maximum=self._section.max_message_batch_size,
            wait=self._section.max_batch_wait_time,
            complete=self._complete,
            as_bytes=self._entity.as_bytes,
        )

    @property
    def _complete(self) -> bool:
        """Whether messages are completed when their function succeeds; the binding overrides host.json."""
        of_binding = self._entity.settings.auto_complete_messages
        return self._section.auto_complete_messages if of_binding is None else of_binding

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Returns after stop(), once running invocations are finished and settled."""
        await stay_connected(self._serve, self._outage, self._stopping)

    async def _serve(self, session: Session) -> None:
        client = session.opened(self._entity.client())
        receiver = session.opened(self._entity.receiver(client, self._prefetch()))
        async with asyncio.timeout(OPERATION_TIMEOUT):
            await receiver.__aenter__()
        self._outage.over()
        await self._dispatch.run(receiver, self._stopping)

    def _prefetch(self) -> int:
        """The prefetch count. The SDK grants one more message than that.

        Without prefetching, it would give back what arrives between two calls, and the service send it again later.
        """
        if self._section.prefetch_count:
            return self._section.prefetch_count
        if self._entity.is_batched:
            return self._section.max_message_batch_size - 1
        return min(self._section.max_concurrent_calls, MAX_BUFFERED) - 1
