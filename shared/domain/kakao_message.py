"""A KakaoTalk message (AlimTalk) about a customer, before and after it is sent."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, NewType, Self

from pydantic import AfterValidator

from shared.domain.customer import CustomerDetails, CustomerInput, RememberedDetails
from shared.domain.errors import ProviderRefused
from shared.domain.idempotency import fingerprint
from shared.domain.identifiers import CustomerId, parse_customer_id
from shared.domain.record import Record, Timestamp

MessageId = NewType("MessageId", str)
"""`<customerId>.<kind>`."""


class MessageKind(StrEnum):
    """What the message says. A customer gets at most one message of each kind.

    `notice` is what a client of `POST /kakaos` sends, as in the original system.
    """

    REGISTERED = "registered"
    CANCELED = "canceled"
    NOTICE = "notice"


def message_id(customer_id: CustomerId, kind: MessageKind) -> MessageId:
    """The id of the one message of this kind that a customer gets, however often it is requested."""
    return MessageId(f"{customer_id}.{kind}")


def parse_message_id(text: str) -> MessageId | None:
    """The message id in `text`, or None if no message can have this id."""
    customer, _, kind = text.partition(".")
    return MessageId(text) if parse_customer_id(customer) and kind in MessageKind else None


def customer_of(message: MessageId) -> CustomerId:
    """The customer who gets a message."""
    return CustomerId(message.partition(".")[0])


class AlimTalk(Record):
    """What a provider gets: an approved template and its variables.

    A provider that gets the same `message_id` twice sends one message. `recipient` is the phone number in digits, or
    None if the customer gave none.
    """

    message_id: MessageId
    recipient: str | None = None
    template_code: str
    variables: dict[str, str]


class Receipt(Record):
    """A provider's response. `status`: `accepted` = handed to KakaoTalk, `sandboxed` = kept, and sent to nobody.

    `text` is the rendered message, if the provider returns it.
    """

    provider: str
    receipt_id: str
    status: Literal["accepted", "sandboxed"]
    text: str | None = None


def _customer_id(value: str) -> CustomerId:
    if (customer_id := parse_customer_id(value)) is None:
        raise ValueError("must be the id of a customer")
    return customer_id


class KakaoMessageDraft(CustomerInput):
    """A message as a client requests it. Without a customer id it is for somebody who is not a customer yet.

    Nobody can request `canceled`: only the event of a cancellation causes that message.
    """

    customer_id: Annotated[CustomerId, AfterValidator(_customer_id)] | None = None
    kind: Literal[MessageKind.REGISTERED, MessageKind.NOTICE] = MessageKind.NOTICE


class KakaoMessageRequest(CustomerDetails):
    """A message to send: its customer and its kind."""

    customer_id: CustomerId
    kind: MessageKind

    @property
    def message_id(self) -> MessageId:
        """The id of this message."""
        return message_id(self.customer_id, self.kind)

    def to_alimtalk(self) -> AlimTalk:
        """The template and the variables for this message."""
        return AlimTalk(
            message_id=self.message_id,
            recipient=self.customer_phone,
            template_code=f"ssak8-{self.kind}",
            variables={"customerName": self.customer_name, "customerAddress": self.customer_address},
        )


_PERSONAL: Final = frozenset(RememberedDetails.model_fields) | {"text", "request_fingerprint"}


class KakaoMessage(RememberedDetails):
    """A message that the provider has accepted or refused.

    `receipt` is the provider's receipt id, or its reason for refusing. `request_fingerprint` distinguishes a repeated
    request from another one. Once the customer is forgotten it still proves that the message was sent: see `forgotten`.
    """

    customer_id: CustomerId
    kind: MessageKind
    status: Literal["accepted", "sandboxed", "refused"]
    provider: str
    receipt: str
    text: str | None = None
    sent_at: Timestamp
    request_fingerprint: str | None = None

    @property
    def message_id(self) -> MessageId:
        """The id of this message."""
        return message_id(self.customer_id, self.kind)

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing in it is about the person any more."""
        return self == self.forgotten()

    def forgotten(self) -> Self:
        """Without what is about the person: details, text, and the fingerprint, which is a digest of the details."""
        return self.model_copy(update=dict.fromkeys(_PERSONAL))

    @classmethod
    def sent(cls, request: KakaoMessageRequest, receipt: Receipt, now: datetime) -> Self:
        """The message that the provider has accepted."""
        return cls.from_record(
            request,
            status=receipt.status,
            provider=receipt.provider,
            receipt=receipt.receipt_id,
            text=receipt.text,
            sent_at=now,
            request_fingerprint=fingerprint(request),
        )

    @classmethod
    def refused(cls, request: KakaoMessageRequest, refusal: ProviderRefused, now: datetime) -> Self:
        """The message that the provider will never send. It is kept, so that an operator can see it."""
        return cls.from_record(
            request,
            status="refused",
            provider=refusal.provider,
            receipt=refusal.reason,
            sent_at=now,
            request_fingerprint=fingerprint(request),
        )
