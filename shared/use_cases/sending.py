"""Sending a KakaoTalk message through a provider, and keeping the proof."""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.errors import AlreadyExists, IdempotencyKeyReused, MessageAlreadySent
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import Clock, NewId
from shared.domain.kakao_message import (
    AlimTalk,
    KakaoMessage,
    KakaoMessageDraft,
    KakaoMessageRequest,
    Receipt,
    message_id,
)
from shared.use_cases.registering import Reservations


class KakaoProvider(Protocol):
    async def send(self, message: AlimTalk) -> Receipt:
        """Hands the message over. The same message id twice sends once and gives the same receipt.

        Raises ProviderRefused (it never will be sent), ProviderUnavailable (try later).
        """


class KakaoMessages(Protocol):
    async def add(self, message: KakaoMessage) -> None:
        """Raises AlreadyExists, StoreUnavailable."""

    async def find(self, message_id: str) -> KakaoMessage | None:
        """Raises StoreUnavailable."""


@dataclass(frozen=True)
class SendKakao:
    """Sends first, then records: the provider knows the message id, so a repetition sends nothing."""

    provider: KakaoProvider
    messages: KakaoMessages
    reservations: Reservations
    clock: Clock
    new_id: NewId

    async def __call__(self, draft: KakaoMessageDraft, idempotency_key: str | None = None) -> KakaoMessage:
        """Sends the message, or gives the one that the same key has sent.

        Raises ProviderRefused, ProviderUnavailable, IdempotencyKeyReused, MessageAlreadySent, StoreUnavailable.
        """
        customer_id = draft.customer_id or self.new_id()
        # A key that is the message's own name needs no reservation: the message itself is found by it.
        names_message = idempotency_key == message_id(customer_id, draft.kind)
        if idempotency_key is not None and not names_message:
            reservation = await self.reservations.reserve(idempotency_key, Reservation.of(draft, customer_id))
            reservation.check(draft)
            customer_id = reservation.resource_id
        return await self._send(draft.addressed_to(customer_id), repeatable=idempotency_key is not None)

    async def _send(self, request: KakaoMessageRequest, *, repeatable: bool) -> KakaoMessage:
        receipt = await self.provider.send(request.to_alimtalk())
        message = KakaoMessage.sent(request, receipt, self.clock())
        try:
            await self.messages.add(message)
        except AlreadyExists:
            first = await self.messages.find(request.message_id)
            if first == message:
                return message  # the write was repeated below us
            if first is None or not repeatable:
                raise MessageAlreadySent("This customer already has a message of this kind.") from None
            if first.request_fingerprint != message.request_fingerprint:
                raise IdempotencyKeyReused("This Idempotency-Key was used before with another request.") from None
            return first
        return message
