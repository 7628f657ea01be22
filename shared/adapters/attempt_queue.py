"""The queue of attempts on Service Bus: sent with the time when each is due, received and settled over one link."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError
from pydantic import Field, ValidationError

from shared.adapters.entity_sender import RETRY_AFTER_SECONDS, EntitySender, close_all, new_client
from shared.domain.errors import PublisherUnavailable
from shared.domain.identifiers import CustomerId, parse_customer_id
from shared.domain.outbox import OutboxAttempt
from shared.domain.record import Record
from shared.domain.registration import Attempt
from shared.resources import REGISTRATIONS_POSTPONED
from shared.settings import Settings
from shared.telemetry import traceparent
from shared.use_cases.registrations import ReceivedAttempt

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/json"
# Seconds. The SDK allows one operation of a receiver at a time, so one that waits lets those that settle go between.
TURN_SECONDS: Final = 0.2
# Seconds without a message after which the link is closed: an open one may be handed messages that nobody reads, and
# the SDK does not notice that nobody is at the other end.
QUIET_SECONDS: Final = 5
# Closing gives back what is on its way, for which the SDK waits a second or so.
CLOSE_SECONDS: Final = 3
# The lock is lost, so the message comes again.
SETTLED_OTHERWISE: Final = (MessageLockLostError, MessageAlreadySettled)


class _Body(Record):
    customer_id: CustomerId
    number: int = Field(ge=1)


@dataclass(frozen=True)
class _Token:
    """A message can be settled only over the link that it came by."""

    receiver: ServiceBusReceiver
    message: ServiceBusReceivedMessage


class ServiceBusAttemptQueue:
    """One sender and one receiver for each process, opened at first use, and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = EntitySender(settings, lambda client: client.get_queue_sender(REGISTRATIONS_POSTPONED))
        self._client: ServiceBusClient | None = None
        self._receiver: ServiceBusReceiver | None = None
        self._one_at_a_time = asyncio.Lock()
        self._heard = 0.0

    async def send(self, attempts: Sequence[Attempt]) -> None:
        """In the current trace."""
        await self._send([_message(attempt, traceparent()) for attempt in attempts])

    async def send_from_outbox(self, entries: Sequence[OutboxAttempt]) -> None:
        """Each in the trace of the request that was postponed."""
        await self._send([_message(entry.attempt, entry.traceparent) for entry in entries])

    async def _send(self, messages: Sequence[ServiceBusMessage]) -> None:
        if messages:
            async with self._sender.in_turn():
                await self._sender.send(messages)

    async def receive(self, most: int, seconds: float) -> Sequence[ReceivedAttempt]:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            wait = min(TURN_SECONDS, max(end - loop.time(), 0.01))
            async with self._receiving(wait) as receiver:
                messages = await receiver.receive_messages(most, wait)
                received = [
                    ReceivedAttempt(attempt, _Token(receiver, message))
                    for message in messages
                    if (attempt := await _read_or_dead_letter(receiver, message))
                ]
                if messages:
                    self._heard = loop.time()
                elif loop.time() - self._heard > QUIET_SECONDS:
                    await self._close_receiver()
            if received or loop.time() >= end:
                return received

    async def complete(self, received: ReceivedAttempt) -> None:
        token = received.token
        if not isinstance(token, _Token) or token.receiver is not self._receiver:
            return  # its lock went with its link
        async with self._receiving() as receiver:
            if receiver is not token.receiver:
                return
            with suppress(*SETTLED_OTHERWISE):
                await receiver.complete_message(token.message)

    @asynccontextmanager
    async def _receiving(self, wait: float = 0) -> AsyncIterator[ServiceBusReceiver]:
        """The open receiver, for one operation that waits so many seconds. Raises PublisherUnavailable."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(wait + self._settings.service_bus_timeout_seconds):
                    yield await self._open_receiver()
            except BaseException as error:
                # Any failure may have left the receiver broken; the next operation opens another.
                await self._close_receiver()
                if isinstance(error, AzureError | OSError | TimeoutError):
                    raise PublisherUnavailable("Service Bus does not respond.", RETRY_AFTER_SECONDS) from error
                raise

    async def _open_receiver(self) -> ServiceBusReceiver:
        if self._receiver is None:
            self._client = new_client(self._settings)
            self._receiver = self._client.get_queue_receiver(REGISTRATIONS_POSTPONED)
            # Otherwise an operation on a link that cannot be opened would look like one without messages.
            await self._receiver.__aenter__()
            self._heard = asyncio.get_running_loop().time()
        return self._receiver

    async def _close_receiver(self) -> None:
        receiver, client = self._receiver, self._client
        self._receiver = self._client = None
        await close_all(receiver, client, seconds=CLOSE_SECONDS)

    async def close(self) -> None:
        """Closes both links; the next call opens them again."""
        async with self._one_at_a_time:
            await self._close_receiver()
        await self._sender.close()


def _message(attempt: Attempt, parent: str | None) -> ServiceBusMessage:
    return ServiceBusMessage(
        json.dumps({"customerId": attempt.customer_id, "number": attempt.number}),
        message_id=attempt.message_id,
        content_type=CONTENT_TYPE,
        scheduled_enqueue_time_utc=attempt.due_at,
        application_properties={"traceparent": parent} if parent else None,
    )


async def _read_or_dead_letter(receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> Attempt | None:
    """The attempt in the message. One that is none goes to the dead letters, and its content into no log."""
    try:
        return _attempt(message)
    except (ValidationError, ValueError, TypeError):
        log.error("message %s is no attempt: put into the dead letters", message.sequence_number)  # noqa: TRY400
    with suppress(*SETTLED_OTHERWISE):
        await receiver.dead_letter_message(message, reason="unreadable", error_description="It is no attempt.")
    return None


def _attempt(message: ServiceBusReceivedMessage) -> Attempt:
    """Raises ValidationError, ValueError, TypeError."""
    body = _Body.model_validate_json(b"".join(message.body))
    customer_id = parse_customer_id(body.customer_id)
    due_at: datetime | None = message.scheduled_enqueue_time_utc or message.enqueued_time_utc
    if customer_id is None or due_at is None:
        raise ValueError("no customer id, or no time")
    return Attempt(customer_id=customer_id, number=body.number, due_at=due_at)
