"""Handling a batch of messages, which the host completes or gives back as a whole.

So no single message may fail it: docs/decisions/0003-retries-inside-event-functions.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import azure.functions as func
from opentelemetry.trace import Span

from shared.domain.errors import Unavailable
from shared.domain.events import CustomerEvent
from shared.events.reading import Text, UnreadableEvent, read_event, set_aside, texts_of_batch, traceparent_of
from shared.events.retrying import RetryWhileUnavailable
from shared.failures import describe_failure
from shared.settings import LONGEST_BATCH_SECONDS
from shared.telemetry import event_span, mark_failed, trace_id
from shared.use_cases.setting_aside import MessagesSetAside

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """A message of the batch, and the event in it or what is wrong with it."""

    message: func.ServiceBusMessage
    event: CustomerEvent | UnreadableEvent

    @property
    def description(self) -> str:
        """The name of the span for handling it."""
        return "process unreadable message" if isinstance(self.event, UnreadableEvent) else f"process {self.event.type}"


@dataclass(frozen=True)
class BatchHandler:
    """Handles customers side by side, and the events of one customer in their order.

    A message that cannot be handled is put aside at once, and the others go on. Only while a service is unavailable the
    batch waits, for up to `retry_seconds`, and then handles what is left; what was handled is not handled again.
    """

    subscription: str
    handle: Callable[[CustomerEvent], Awaitable[None]]
    messages_set_aside: MessagesSetAside
    retry_seconds: float

    async def __call__(self, messages: Sequence[func.ServiceBusMessage]) -> None:
        """Raises Unavailable once the time is over: every message of the batch is then delivered again."""
        texts = texts_of_batch(messages)
        waiting = _by_customer(messages)

        async def handle_waiting() -> None:
            attempts = [self._handle_in_order(deliveries, texts) for deliveries in waiting if deliveries]
            # All of them end before another attempt begins, whatever happens to one.
            for failure in await asyncio.gather(*attempts, return_exceptions=True):
                if failure is not None:
                    raise failure

        # No lock of a batch is renewed: what takes longer is given back, and a new delivery begins with new locks.
        async with asyncio.timeout(LONGEST_BATCH_SECONDS):
            await RetryWhileUnavailable(handle_waiting, self.retry_seconds)()

    async def _handle_in_order(self, deliveries: deque[Delivery], texts: frozenset[Text]) -> None:
        """Handles the deliveries of one customer and takes each away; raises Unavailable at the first that waits."""
        while deliveries:
            if reason := await self._handle(deliveries[0]):
                message = set_aside(deliveries[0].message, self.subscription, reason, texts)
                await self.messages_set_aside.put(message)
                log.error("message %s was put aside: %s", message.message_id, reason)
            deliveries.popleft()

    async def _handle(self, delivery: Delivery) -> str | None:
        """Returns why the message cannot be handled, or None once it is handled. Raises Unavailable."""
        with event_span(delivery.description, traceparent_of(delivery.message)) as current:
            try:
                await self._handle_event(delivery.event, current)
            except Unavailable:
                raise
            except Exception as error:  # whatever it is, it would fail the whole batch in every delivery
                mark_failed(current, error)
                reason = f"UnreadableEvent: {error}" if isinstance(error, UnreadableEvent) else describe_failure(error)
                return f"{reason}, trace {trace_id()}"
        return None

    async def _handle_event(self, event: CustomerEvent | UnreadableEvent, current: Span) -> None:
        if isinstance(event, UnreadableEvent):
            raise event
        current.set_attribute("messaging.message.id", event.id)
        await self.handle(event)


def _by_customer(messages: Sequence[func.ServiceBusMessage]) -> list[deque[Delivery]]:
    """The deliveries of each customer in their order; an unreadable message is alone."""
    customers: dict[object, deque[Delivery]] = {}
    for message in messages:
        try:
            event = read_event(message)
        except UnreadableEvent as unreadable:
            customers[object()] = deque([Delivery(message, unreadable)])
        else:
            customers.setdefault(event.data.customer_id, deque()).append(Delivery(message, event))
    return list(customers.values())
