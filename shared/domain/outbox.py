"""Outbox documents: what is stored together with the change that causes it, and sent afterwards.

That is an event for the topic, or the first attempt of a postponed registration for its queue. This module is the only
place that knows the shape of both. `customers` holds them in the customer's partition, for `ttl` seconds.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import ValidationError

from shared.domain.documents import DocumentKind
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, rfc3339
from shared.domain.registration import Attempt


class UnreadableOutboxDocument(Exception):
    """The document claims to be of the outbox, but cannot be sent. The message does not repeat its content."""


class OutboxEvent(Record):
    """An event waiting to be published. `event` is the CloudEvent, which is sent as it was stored.

    Only what publishing needs is checked: another version of this code may have stored more fields or other types.
    `traceparent`: of the request that caused the event (W3C Trace Context).
    """

    id: str
    customer_id: CustomerId
    type: Literal[DocumentKind.EVENT] = DocumentKind.EVENT
    event: dict[str, Any]
    traceparent: str | None = None
    ttl: int | None = None

    @classmethod
    def of(cls, event: CustomerEvent, traceparent: str | None, ttl: int) -> Self:
        """The outbox event of `event`. `ttl` in seconds."""
        content = event.to_json_object()
        return cls(id=event.id, customer_id=event.subject, event=content, traceparent=traceparent, ttl=ttl)

    def renewed(self, new_id: str, ttl: timedelta, now: datetime) -> Self:
        """As if the event had just happened, to a customer who has not cancelled: nothing has to be forgotten yet.

        `new_id`: of this document, and of its message, because ids are in the order of time.
        """
        event = {**self.event, "expirytime": rfc3339(now + UNHANDLED_AFTER)}
        return self.model_copy(update={"id": new_id, "event": event, "ttl": int(ttl.total_seconds())})

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self | None:
        """The outbox event in a document, or None if it is a document of another kind.

        Raises UnreadableOutboxDocument.
        """
        if document.get("type") != DocumentKind.EVENT:
            return None
        try:
            outbox = cls.model_validate(document)
            readable = isinstance(outbox.event["type"], str) and bool(outbox.happened_at) and bool(outbox.expires_at)
        except (ValidationError, LookupError, ValueError, TypeError):
            readable = False
        if not readable:
            raise UnreadableOutboxDocument(f"outbox document {document.get('id')} is not an event: not published")
        return outbox

    @property
    def happened_at(self) -> datetime:
        """When the event happened. Raises ValueError, TypeError."""
        return _moment(self.event["time"])

    @property
    def expires_at(self) -> datetime:
        """As of `CustomerEvent`. Raises ValueError, TypeError."""
        expiry = self.event.get("expirytime")
        return self.happened_at + UNHANDLED_AFTER if expiry is None else _moment(expiry)

    @property
    def event_type(self) -> str:
        """The type of the event, which this code need not know."""
        return str(self.event["type"])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset from UTC")
    return moment


class OutboxAttempt(Record):
    """An attempt waiting to be sent to the queue. It is nested, because registrations are indexed by their `dueAt`.

    `id`: that of the message. `traceparent`: of the request that was postponed (W3C Trace Context).
    """

    id: str
    customer_id: CustomerId
    type: Literal[DocumentKind.ATTEMPT] = DocumentKind.ATTEMPT
    attempt: Attempt
    traceparent: str | None = None
    ttl: int | None = None

    @classmethod
    def of(cls, attempt: Attempt, traceparent: str | None, ttl: int) -> Self:
        """The outbox document of `attempt`. `ttl` in seconds."""
        return cls(
            id=attempt.message_id, customer_id=attempt.customer_id, attempt=attempt, traceparent=traceparent, ttl=ttl
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self | None:
        """The attempt in a document, or None if it is a document of another kind. Raises UnreadableOutboxDocument."""
        if document.get("type") != DocumentKind.ATTEMPT:
            return None
        try:
            return cls.model_validate(document)
        except ValidationError:
            raise UnreadableOutboxDocument(
                f"outbox document {document.get('id')} is not an attempt: not sent"
            ) from None
