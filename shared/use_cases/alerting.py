"""Announcing a cancellation by KakaoTalk, however often and late its event arrives."""

import logging
from dataclasses import dataclass

from shared.domain.errors import AlreadyExists, ProviderRefused
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import Clock
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind
from shared.use_cases.sending import KakaoMessages, KakaoProvider

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlertCancellation:
    """The message is named after customer and kind: a second delivery of the event sends and stores nothing new."""

    provider: KakaoProvider
    messages: KakaoMessages
    clock: Clock

    async def __call__(self, event: CustomerEvent) -> None:
        """Sends the alert. Raises ProviderUnavailable, StoreUnavailable: then the event must come again."""
        request = KakaoMessageRequest.model_validate({**event.data.to_json_object(), "kind": MessageKind.CANCELED})
        try:
            receipt = await self.provider.send(request.to_alimtalk())
            message = KakaoMessage.sent(request, receipt, self.clock())
        except ProviderRefused as refusal:
            log.warning("cancellation alert of customer %s refused: %s", request.customer_id, refusal.reason)
            message = KakaoMessage.refused(request, refusal, self.clock())
        try:
            await self.messages.add(message)
        except AlreadyExists:
            log.info("cancellation alert of customer %s was already sent", request.customer_id)
