"""A KakaoTalk message (AlimTalk) about a customer, before and after it is handed to a provider."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator

from shared.domain.customer import CustomerDetails
from shared.domain.errors import ProviderRefused
from shared.domain.idempotency import fingerprint
from shared.domain.identifiers import is_uuid
from shared.domain.record import Record, Timestamp


class MessageKind(StrEnum):
    """What the message tells. A customer gets at most one message of a kind."""

    REGISTERED = "registered"
    CANCELED = "canceled"
    NOTICE = "notice"


class AlimTalk(Record):
    """What a provider is given: an approved template and its variables.

    `message_id` names this message for ever: a provider that gets it twice sends it once. `recipient` is the
    customer id; which phone that is, is between the provider's adapter and the customer's record.
    """

    message_id: str
    recipient: str
    template_code: str
    variables: dict[str, str]


class Receipt(Record):
    """What a provider answers. `status`: `accepted` = handed to KakaoTalk, `sandboxed` = kept, and sent to nobody.

    `text` is the rendered message, where the provider tells it.
    """

    provider: str
    receipt_id: str
    status: Literal["accepted", "sandboxed"]
    text: str | None = None


def message_id(customer_id: str, kind: MessageKind) -> str:
    """The name of the one message of this kind that a customer gets, however often it is asked for."""
    return f"{customer_id}.{kind}"


def is_message_id(text: str) -> bool:
    """Whether `text` can be the id of a message."""
    customer_id, _, kind = text.partition(".")
    return is_uuid(customer_id) and kind in MessageKind


def _is_customer_id(value: str) -> str:
    if not is_uuid(value):
        raise ValueError("must be the id of a customer")
    return value


class KakaoMessageDraft(CustomerDetails):
    """A message as a client asks for it: without a customer id it goes to somebody who is no customer yet.

    Nobody can ask for `canceled`: only the event of a cancellation makes that.
    """

    customer_id: Annotated[str, AfterValidator(_is_customer_id)] | None = None
    kind: Literal[MessageKind.REGISTERED, MessageKind.NOTICE] = MessageKind.NOTICE

    def addressed_to(self, customer_id: str) -> "KakaoMessageRequest":
        """The message to be sent to this customer."""
        return KakaoMessageRequest.model_validate({**self.to_json_object(), "customerId": customer_id})


class KakaoMessageRequest(CustomerDetails):
    """A message to be sent: to which customer, of which kind."""

    customer_id: str
    kind: MessageKind

    @property
    def message_id(self) -> str:
        """See `message_id`."""
        return message_id(self.customer_id, self.kind)

    def to_alimtalk(self) -> AlimTalk:
        """The template and variables that tell this."""
        return AlimTalk(
            message_id=self.message_id,
            recipient=self.customer_id,
            template_code=f"ssak8-{self.kind}",
            variables={"customerName": self.customer_name, "customerAddress": self.customer_address},
        )


class KakaoMessage(KakaoMessageRequest):
    """A message that the provider has taken or refused.

    `receipt` is the provider's receipt id, or its reason to refuse. `request_fingerprint` tells a repeated request
    from another one.
    """

    status: Literal["accepted", "sandboxed", "refused"]
    provider: str
    receipt: str
    text: str | None = None
    sent_at: Timestamp
    request_fingerprint: str

    @classmethod
    def sent(cls, request: KakaoMessageRequest, receipt: Receipt, now: datetime) -> Self:
        """The message that `receipt` is the proof of."""
        return cls(
            **request.model_dump(by_alias=False),
            status=receipt.status,
            provider=receipt.provider,
            receipt=receipt.receipt_id,
            text=receipt.text,
            sent_at=now,
            request_fingerprint=fingerprint(request),
        )

    @classmethod
    def refused(cls, request: KakaoMessageRequest, refusal: ProviderRefused, now: datetime) -> Self:
        """The message that the provider will never send: kept, so that an operator can see it."""
        return cls(
            **request.model_dump(by_alias=False),
            status="refused",
            provider=refusal.provider,
            receipt=refusal.reason,
            sent_at=now,
            request_fingerprint=fingerprint(request),
        )
