"""Dead letters and messages that were put aside, as they are removed once they have expired."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError
from pydantic import ValidationError

from shared.adapters.entity_sender import CLOSE_SECONDS, RETRY_AFTER_SECONDS, close_all, new_client
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import parse_customer_id, utc_now
from shared.domain.record import rfc3339
from shared.resources import EVENTS_SET_ASIDE, TOPIC
from shared.settings import Settings
from shared.use_cases.removing_expired import ExpiredMessage, Removal
from shared.use_cases.setting_aside import EXPIRES_AT

EXPIRED: Final = "TTLExpiredException"
"""The reason of a dead letter that has expired."""

PEEKED_AT_ONCE: Final = 100
# Locked at a time. A lock lasts half a minute or longer, and each message takes some milliseconds.
RECEIVED_AT_ONCE: Final = 20
# For messages that were there a moment ago.
RECEIVE_SECONDS: Final = 2
# One run; the next continues it.
LONGEST_RUN_SECONDS: Final = 100
# Its lock is lost, so the message comes again.
SETTLED_OTHERWISE: Final = (MessageLockLostError, MessageAlreadySettled)


@dataclass(frozen=True)
class Place:
    """An entity, or its dead letters. `receiver` gets it from a client."""

    name: str
    receiver: Callable[[ServiceBusClient], ServiceBusReceiver]
    are_dead_letters: bool = True


def dead_letters_of(subscription: str) -> Place:
    """Those of a subscription of the topic."""
    return Place(
        f"{subscription}/dead-letters",
        lambda client: client.get_subscription_receiver(TOPIC, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER),
    )


# Nobody receives from it, and without a receiver Service Bus may leave there what has expired.
SET_ASIDE: Final = Place(
    EVENTS_SET_ASIDE, lambda client: client.get_queue_receiver(EVENTS_SET_ASIDE), are_dead_letters=False
)
SET_ASIDE_DEAD_LETTERS: Final = Place(
    f"{EVENTS_SET_ASIDE}/dead-letters",
    lambda client: client.get_queue_receiver(EVENTS_SET_ASIDE, sub_queue=ServiceBusSubQueue.DEAD_LETTER),
)


class ServiceBusKeptMessages:
    """Opened for each run, because there are few: once in five minutes."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        self._place = place

    @property
    def name(self) -> str:
        return self._place.name

    async def remove_expired(self, now: datetime, before_removal: Removal) -> int:
        client = new_client(self._settings)
        receiver = self._place.receiver(client)
        run = _Run(self._settings.service_bus_timeout_seconds, receiver, now)
        try:
            if not (last := await run.last_expired()):
                return 0
            if not self._place.are_dead_letters:
                await run.let_expire()
                return 0
            return await run.remove(last, before_removal)
        except (AzureError, OSError, TimeoutError) as error:
            raise PublisherUnavailable("Service Bus does not respond.", RETRY_AFTER_SECONDS) from error
        finally:
            await close_all(receiver, client, seconds=CLOSE_SECONDS)


class _Run:
    """`timeout`: of each operation in seconds. `now`: by the clock of Azure."""

    def __init__(self, timeout: float, receiver: ServiceBusReceiver, now: datetime) -> None:
        self._timeout = timeout
        self._receiver = receiver
        self._now = now
        self._end = asyncio.get_running_loop().time() + LONGEST_RUN_SECONDS

    async def last_expired(self) -> int:
        """The sequence number of the last message that has expired, 0 if none has. It locks nothing."""
        next_number, last = 1, 0
        while self._is_in_time():
            async with asyncio.timeout(self._timeout):
                page = await self._receiver.peek_messages(PEEKED_AT_ONCE, sequence_number=next_number)
            if not page:
                break
            numbers = [message.sequence_number or 0 for message in page if has_expired(message, self._now)]
            last = max([last, *numbers])
            next_number = (page[-1].sequence_number or 0) + 1
        return last

    async def let_expire(self) -> None:
        """Receives something, by which Service Bus moves what has expired to the dead letters; what comes goes back."""
        for message in await self._receive(1):
            async with asyncio.timeout(self._timeout):
                await self._receiver.abandon_message(message)

    async def remove(self, last: int, before_removal: Removal) -> int:
        """Removes what has expired, up to the message `last`. Returns how many."""
        removed, others = 0, list[ServiceBusReceivedMessage]()
        try:
            while self._is_in_time():
                messages = await self._receive(RECEIVED_AT_ONCE)
                for message in messages:
                    if not has_expired(message, self._now):
                        others.append(message)
                        continue
                    await before_removal(described(message))
                    removed += await self._settle(self._receiver.complete_message, message)
                if not messages or any((message.sequence_number or 0) >= last for message in messages):
                    break
        finally:
            # Held until now, so that they do not come again and again. If this fails, their locks end soon.
            for message in others:
                await self._settle(self._receiver.abandon_message, message)
        return removed

    async def _receive(self, most: int) -> Sequence[ServiceBusReceivedMessage]:
        async with asyncio.timeout(RECEIVE_SECONDS + self._timeout):
            return await self._receiver.receive_messages(most, max_wait_time=RECEIVE_SECONDS)

    async def _settle(
        self, settle: Callable[[ServiceBusReceivedMessage], Awaitable[None]], message: ServiceBusReceivedMessage
    ) -> bool:
        """False if its lock was lost."""
        try:
            async with asyncio.timeout(self._timeout):
                await settle(message)
        except SETTLED_OTHERWISE:
            return False
        return True

    def _is_in_time(self) -> bool:
        return asyncio.get_running_loop().time() < self._end


def has_expired(message: ServiceBusReceivedMessage, now: datetime) -> bool:
    """Whether Service Bus says so, or the event, or the note of whoever put it aside.

    Each time is compared with the clock that made it: `now` is that of Azure, and events have those of the apps.
    """
    if message.dead_letter_reason == EXPIRED:
        return True
    event = _event(message)
    noted = event.expires_at if event else _noted_expiry(message)
    if noted and noted <= utc_now():
        return True
    # A dead letter need not tell its time to live, but none is longer.
    latest = message.enqueued_time_utc and message.enqueued_time_utc + UNHANDLED_AFTER
    return any(moment and moment <= now for moment in (message.expires_at_utc, latest))


def described(message: ServiceBusReceivedMessage) -> ExpiredMessage:
    """Without anything about the person."""
    if event := _event(message):
        description = f"{event.type} {event.id}, version {event.data.version}, {rfc3339(event.time)}"
        return ExpiredMessage(event.data.customer_id, description)
    return ExpiredMessage(parse_customer_id(message.correlation_id or ""))


def _event(message: ServiceBusReceivedMessage) -> CustomerEvent | None:
    try:
        return CustomerEvent.model_validate_json(b"".join(message.body))
    except (ValidationError, TypeError):
        return None


def _noted_expiry(message: ServiceBusReceivedMessage) -> datetime | None:
    value = (message.application_properties or {}).get(EXPIRES_AT.encode())
    try:
        moment = datetime.fromisoformat(value.decode()) if isinstance(value, bytes) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
