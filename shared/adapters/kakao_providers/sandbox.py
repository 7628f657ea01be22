"""The sandbox provider: renders a message, keeps it, and sends it to nobody. It can be as bad as a real provider."""

import asyncio
import random
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import ClassVar, Final

from shared.domain.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from shared.domain.idempotency import fingerprint
from shared.domain.kakao_message import AlimTalk, MessageId, Receipt
from shared.domain.sandbox import SandboxBehaviour
from shared.settings import KakaoProviderName, Settings

NAME: Final = KakaoProviderName.SANDBOX
# Enough to notice a message id that is used for two messages; some 2 MB.
REMEMBERED_MESSAGES: Final = 10_000
# What was not used of the last half second may be used at once: messages do not come evenly.
BURST_SECONDS: Final = 0.5
ROUNDING: Final = 1e-9
# Seconds. After a failure and during an outage, since nobody knows when it ends.
RETRY_AFTER: Final = 2

TEMPLATES: Final[Mapping[str, str]] = {
    "ssak8-registered": "[싹8] {customerName}님, 청소 서비스 고객으로 등록되었습니다.\n주소: {customerAddress}",
    "ssak8-canceled": "[싹8] {customerName}님, 고객 등록이 취소되었습니다. 이용해 주셔서 감사합니다.",
    "ssak8-notice": "[싹8] {customerName}님께 알려드립니다.",
}

_RECEIPTS = uuid.UUID("6f1a6c0e-2f52-5e0a-9b3f-3f1d8f0f6a11")


class SandboxProvider:
    """Accepts messages as a real provider does: only known templates, and one message for each message id.

    The rendered text goes into the receipt, and so into the stored message, where everybody can read it. The receipt
    id is derived from the message id: a repeated message gets the same receipt on every instance. What was sent and how
    it behaves is known in one process only.
    """

    needs_phone_number: ClassVar[bool] = False

    def __init__(self, settings: Settings, randomness: random.Random | None = None) -> None:
        self._sent: OrderedDict[str, str] = OrderedDict()
        self._random = randomness or random.Random()  # noqa: S311 - nothing secret
        self.behave(settings.sandbox)

    @property
    def behaviour(self) -> SandboxBehaviour:
        """How it treats the messages that come now."""
        return self._behaviour

    def behave(self, behaviour: SandboxBehaviour) -> None:
        """Treats messages like this from now on, except for those that have come already."""
        self._behaviour = behaviour
        self._allowance = _Allowance(behaviour.capacity) if behaviour.capacity else None

    async def send(self, message: AlimTalk) -> Receipt:
        """A message is sent at the end of its latency: one that is cancelled before was not sent."""
        behaviour = self._behaviour
        if behaviour.outage:
            raise ProviderUnavailable("The sandbox has an outage.", RETRY_AFTER)
        if self._allowance:
            self._allowance.take()
        if latency := behaviour.latency(self._random.gauss(0, 1)):
            await asyncio.sleep(latency)
        if self._random.random() < behaviour.failure_rate:
            raise ProviderUnavailable("The sandbox has failed.", RETRY_AFTER)
        receipt = self._send(message)
        if self._random.random() < behaviour.lost_answer_rate:
            raise ProviderUnavailable("The sandbox has lost an answer.", RETRY_AFTER)
        return receipt

    async def was_sent(self, message_id: MessageId) -> bool:
        """Whether this process has sent it, among the latest REMEMBERED_MESSAGES."""
        if self._behaviour.outage:
            raise ProviderUnavailable("The sandbox has an outage.", RETRY_AFTER)
        return message_id in self._sent

    def _send(self, message: AlimTalk) -> Receipt:
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


class _Allowance:
    """A token bucket: `capacity` messages a second, and what was not used just before."""

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._most = max(1.0, capacity * BURST_SECONDS)
        self._left = self._most
        self._counted = asyncio.get_running_loop().time()

    def take(self) -> None:
        """Takes one message. Raises ProviderBusy."""
        now = asyncio.get_running_loop().time()
        self._left = min(self._most, self._left + self._capacity * (now - self._counted))
        self._counted = now
        if self._left < 1 - ROUNDING:
            raise ProviderBusy("The sandbox is at its capacity.", (1 - self._left) / self._capacity)
        self._left -= 1
