"""Sending a KakaoTalk message through a provider, and recording it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.cancellation import Cancellation
from shared.domain.errors import (
    AlreadyExists,
    IdempotencyKeyReused,
    MessageAlreadySent,
    ProviderBusy,
    ProviderUnavailable,
)
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import Clock, CustomerId, NewId
from shared.domain.kakao_message import (
    AlimTalk,
    KakaoMessage,
    KakaoMessageDraft,
    KakaoMessageRequest,
    MessageId,
    MessageKind,
    Receipt,
    message_id,
)
from shared.use_cases.deadline import Deadline, while_unavailable
from shared.use_cases.idempotency import Reservations
from shared.use_cases.retry_share import RetryShare

# Seconds. The caller has waited as long as he wanted to, perhaps for an instance that has just started.
RETRY_AFTER: Final = 2
# Seconds after the caller's deadline in which what was sent may still be stored, to be found by whoever asks whether it
# was sent. That is asked 30 s after the call, which has at most 15 s (dev).
GRACE_FOR_STORING: Final = 5


class KakaoProvider(Protocol):
    async def send(self, message: AlimTalk) -> Receipt:
        """Hands the message over. The same message id twice sends one message and returns the same receipt.

        A provider that needs a phone number refuses a message without one: recipient_unknown.
        Raises ProviderRefused (it will never be sent), ProviderBusy (it was not sent), ProviderUnavailable (nobody
        knows whether it was sent). Cancelling it leaves that open too.
        """

    async def was_sent(self, message_id: MessageId) -> bool:
        """Whether it has sent this message. Raises ProviderUnavailable."""


class KakaoMessages(Protocol):
    async def add(self, message: KakaoMessage) -> None:
        """Stores the message; storing the same message again succeeds and changes nothing.

        Raises AlreadyExists if another message has its id, StoreUnavailable.
        """

    async def get(self, message_id: MessageId) -> KakaoMessage | None:
        """Raises StoreUnavailable."""


class Cancellations(Protocol):
    async def find(self, customer_id: CustomerId) -> Cancellation | None:
        """Raises StoreUnavailable."""


@dataclass(frozen=True)
class SendKakao:
    """Sends first, then stores: the provider knows the message id, so a repeated request sends nothing.

    Once the deadline has passed nothing is sent: the caller has given up. What was sent is stored all the same. A
    message that may come after its customer's cancellation is stored without what is about the person, if it does:
    docs/decisions/0034-forgetting.md.
    """

    provider: KakaoProvider
    retries: RetryShare
    messages: KakaoMessages
    cancellations: Cancellations
    reservations: Reservations
    clock: Clock
    new_id: NewId

    async def __call__(
        self,
        draft: KakaoMessageDraft,
        deadline: Deadline,
        idempotency_key: str | None = None,
        *,
        is_retry: bool = False,
    ) -> KakaoMessage:
        """Sends the message, or returns the one that the same key has sent.

        Raises ProviderBusy (nothing was sent), ProviderRefused, ProviderUnavailable, IdempotencyKeyReused,
        MessageAlreadySent, StoreUnavailable.
        """
        customer_id = draft.customer_id or CustomerId(self.new_id())
        # A key that equals the message id needs no reservation: the message itself is found by it.
        is_message_id = idempotency_key == message_id(customer_id, draft.kind)
        if idempotency_key is not None and not is_message_id:
            key, own = idempotency_key, Reservation.of(draft, customer_id)
            reservation = await while_unavailable(deadline, lambda: self.reservations.reserve(key, own))
            reservation.check(draft)
            customer_id = reservation.resource_id
        request = KakaoMessageRequest.from_record(draft, customer_id=customer_id)
        receipt = await self._send(request, deadline, is_retry=is_retry)
        message = KakaoMessage.sent(request, receipt, self.clock())

        async def add() -> KakaoMessage:
            # What is stored in time is stored before the customer, who cannot have cancelled by then.
            may_be_late = is_retry or message.kind is MessageKind.NOTICE or deadline.left() < 0
            is_late = may_be_late and draft.customer_id and await self.cancellations.find(customer_id)
            kept = message.forgotten() if is_late else message
            await self.messages.add(kept)
            return kept

        return await self._store(message, add, deadline, repeatable=idempotency_key is not None)

    async def _send(self, request: KakaoMessageRequest, deadline: Deadline, *, is_retry: bool) -> Receipt:
        if deadline.left() <= 0:
            raise ProviderBusy("The message could not be sent in time; nothing was sent.", RETRY_AFTER)
        try:
            async with asyncio.timeout_at(deadline.at):
                with self.retries.request(is_retry=is_retry):
                    return await self.provider.send(request.to_alimtalk())
        except TimeoutError:
            raise ProviderUnavailable("The KakaoTalk provider does not respond in time.", RETRY_AFTER) from None

    async def _store(
        self, message: KakaoMessage, add: Callable[[], Awaitable[KakaoMessage]], deadline: Deadline, *, repeatable: bool
    ) -> KakaoMessage:
        """Returns the message as it was added, or the one that was stored before it."""
        until = Deadline(deadline.at + GRACE_FOR_STORING)
        try:
            return await while_unavailable(until, add)
        except AlreadyExists:
            first = await while_unavailable(until, lambda: self.messages.get(message.message_id))
            if first is None or not repeatable:
                raise MessageAlreadySent("This customer already has a message of this kind.") from None
            if not first.is_forgotten and first.request_fingerprint != message.request_fingerprint:
                raise IdempotencyKeyReused("This Idempotency-Key was used before with another request.") from None
            return first


@dataclass(frozen=True)
class WasSent:
    """Whether a message was sent. The provider is asked too: its answer may have been lost before it was stored."""

    provider: KakaoProvider
    messages: KakaoMessages

    async def __call__(self, message_id: MessageId, deadline: Deadline) -> bool:
        """Raises ProviderUnavailable, StoreUnavailable."""
        if await while_unavailable(deadline, lambda: self.messages.get(message_id)):
            return True
        try:
            async with asyncio.timeout_at(deadline.at):
                return await self.provider.was_sent(message_id)
        except TimeoutError:
            raise ProviderUnavailable("The KakaoTalk provider does not respond in time.", RETRY_AFTER) from None
