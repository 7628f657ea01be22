"""The sandbox provider: renders a message, keeps it, and sends it to nobody."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from shared.domain.errors import ProviderRefused
from shared.domain.idempotency import fingerprint
from shared.domain.kakao_message import AlimTalk, Receipt
from shared.settings import KakaoProviderName, Settings

NAME: Final = KakaoProviderName.SANDBOX
# Enough to notice a message id that is used for two messages; some 2 MB.
REMEMBERED_MESSAGES: Final = 10_000

TEMPLATES: Final[Mapping[str, str]] = {
    "ssak8-registered": "[싹8] {customerName}님, 청소 서비스 고객으로 등록되었습니다.\n주소: {customerAddress}",
    "ssak8-canceled": "[싹8] {customerName}님, 고객 등록이 취소되었습니다. 이용해 주셔서 감사합니다.",
    "ssak8-notice": "[싹8] {customerName}님께 알려드립니다.",
}

_RECEIPTS = uuid.UUID("6f1a6c0e-2f52-5e0a-9b3f-3f1d8f0f6a11")


class SandboxProvider:
    """Accepts messages as a real provider does: only known templates, and one message for each message id.

    The rendered text goes into the receipt, and so into the stored message, where everybody can read it. The receipt
    id is derived from the message id: a repeated message gets the same receipt on every instance.
    """

    def __init__(self, _: Settings) -> None:
        self._sent: OrderedDict[str, str] = OrderedDict()

    async def send(self, message: AlimTalk) -> Receipt:
        template = TEMPLATES.get(message.template_code)
        if template is None:
            raise ProviderRefused(NAME, "unknown_template", f"There is no template {message.template_code!r}.")
        self._remember(message)
        return Receipt(
            provider=NAME,
            receipt_id=f"sandbox-{uuid.uuid5(_RECEIPTS, message.message_id)}",
            status="sandboxed",
            text=template.format_map(message.variables),
        )

    def _remember(self, message: AlimTalk) -> None:
        content = fingerprint(message)
        if self._sent.setdefault(message.message_id, content) != content:
            raise ProviderRefused(NAME, "message_id_reused", "The message id belongs to another message.")
        if len(self._sent) > REMEMBERED_MESSAGES:
            self._sent.popitem(last=False)
