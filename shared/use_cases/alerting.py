"""Announcing a cancellation by KakaoTalk, however often and late its event arrives, and forgetting the customer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.errors import AlreadyExists, ProviderRefused
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock, CustomerId
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind
from shared.use_cases.sending import KakaoMessages, KakaoProvider

log = logging.getLogger(__name__)


class ForgettableMessages(KakaoMessages, Protocol):
    async def forget(self, customer_id: CustomerId) -> None:
        """Removes what is about the person from the messages that this customer got. Raises StoreUnavailable."""


@dataclass(frozen=True)
class AlertCancellation:
    """The message id consists of customer and kind, so a second delivery of the event sends and stores nothing."""

    provider: KakaoProvider
    messages: ForgettableMessages
    clock: Clock
    record_age: Callable[[datetime], None]

    async def __call__(self, event: CustomerEvent) -> None:
        """Sends the alert, and records how old the event is if it is the first to come with it.

        Whether it can be sent or not, the customer is forgotten first. Raises ProviderUnavailable, StoreUnavailable.
        """
        await self.messages.forget(event.data.customer_id)
        if event.expires_at <= self.clock():
            log.warning("cancellation alert for customer %s came too late, and was not sent", event.data.customer_id)
            return
        request = KakaoMessageRequest.from_record(event.data, kind=MessageKind.CANCELED)
        try:
            receipt = await self.provider.send(request.to_alimtalk())
            message = KakaoMessage.sent(request, receipt, self.clock())
        except ProviderRefused as refusal:
            log.warning("cancellation alert for customer %s refused: %s", request.customer_id, refusal.reason)
            message = KakaoMessage.refused(request, refusal, self.clock())
        try:
            await self.messages.add(message.forgotten())
        except AlreadyExists:
            log.info("cancellation alert for customer %s was already sent", request.customer_id)
        else:
            self.record_age(event.time)
