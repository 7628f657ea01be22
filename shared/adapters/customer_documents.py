"""What lies in a customer's partition of the container `customers`, as documents."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.callers import Owner
from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.events import CustomerEvent, EventType
from shared.domain.forgetting import KEPT_FOR, UNHANDLED_AFTER, seconds_left
from shared.domain.identifiers import utc_now
from shared.domain.outbox import OutboxAttempt, OutboxEvent
from shared.domain.record import rfc3339
from shared.domain.registration import Attempt, Registration
from shared.settings import Settings
from shared.telemetry import traceparent

# There is one in a customer's partition, so its kind can be its id.
REGISTRATION_ID: Final = DocumentKind.REGISTRATION.value
CANCELLATION_ID: Final = DocumentKind.CANCELLATION.value
# Long after everything was forgotten that has to be: what reads it has this long to do it.
CANCELLATION_KEPT_FOR: Final = timedelta(days=30)


def customer_document(customer: Customer) -> dict[str, Any]:
    """Without a time to live."""
    return {"id": customer.customer_id, "type": DocumentKind.CUSTOMER.value, **customer.to_json_object()}


def event_document(event: CustomerEvent, settings: Settings, parent: str | None = None) -> dict[str, Any]:
    """The outbox document of the event, in the trace of the traceparent `parent`, else in the current one."""
    until_forgotten = seconds_left(event.expires_at, KEPT_FOR - UNHANDLED_AFTER, utc_now())
    ttl = min(settings.outbox_ttl_seconds, until_forgotten)
    return OutboxEvent.of(event, parent or traceparent(), ttl).to_json_object()


def event_documents(
    events: Sequence[CustomerEvent], settings: Settings, parent: str | None = None
) -> list[dict[str, Any]]:
    """The outbox documents of the events, and of a cancellation what outlives its event."""
    canceled = [event for event in events if event.type is EventType.CANCELED]
    return [event_document(event, settings, parent) for event in events] + [
        cancellation_document(Cancellation.of(event, claim_id(event.data.owner, settings))) for event in canceled
    ]


def fence_documents(registration: Registration, settings: Settings) -> list[dict[str, Any]]:
    """The registration, and what is in the place of the customer whom it must not lead to. They expire together."""
    document, customer_id = registration_document(registration, settings), registration.customer_id
    fence = {"id": customer_id, "customerId": customer_id, "type": DocumentKind.FENCE.value, "ttl": document["ttl"]}
    return [document, fence]


def cancellation_document(cancellation: Cancellation) -> dict[str, Any]:
    """`cancellation`: the property that only those documents have, so that they are found in the order of time."""
    return {
        **cancellation.to_json_object(),
        "id": CANCELLATION_ID,
        "type": DocumentKind.CANCELLATION.value,
        "cancellation": cancellation.event_id,
        "ttl": int(CANCELLATION_KEPT_FOR.total_seconds()),
    }


def claim_id(owner: Owner | None, settings: Settings) -> str | None:
    """`owner.` and HMAC-SHA256 (RFC 2104, hexadecimal) of the owner with OWNER_KEY, which says nothing without the key.

    None where nobody signs in.
    """
    if owner is None or settings.owner_key is None:
        return None
    key = settings.owner_key.get_secret_value().encode()
    return f"owner.{hmac.new(key, owner.encode(), hashlib.sha256).hexdigest()}"


def attempt_document(attempt: Attempt, settings: Settings) -> dict[str, Any]:
    """The outbox document of the attempt, in the current trace."""
    return OutboxAttempt.of(attempt, traceparent(), settings.outbox_ttl_seconds).to_json_object()


def registration_document(registration: Registration, settings: Settings) -> dict[str, Any]:
    """The registration with the properties that its queries sort by, which are there only while it is to be found.

    `dueAt`: while something is left to do. `endsAt`: when it expires without KakaoTalk being asked. `pendingSince`:
    while it is pending. It disappears when the person must be forgotten. Until then it has time to end, and outlives
    its idempotency key: `Lifetimes`.
    """
    document = {
        **registration.to_json_object(),
        "id": REGISTRATION_ID,
        "type": DocumentKind.REGISTRATION.value,
        "ttl": _seconds_kept(registration, settings, utc_now()),
    }
    if registration.is_pending:
        document["pendingSince"] = rfc3339(registration.accepted_at)
        if registration.expires_at and not registration.may_be_told:
            document["endsAt"] = rfc3339(registration.expires_at)
    return document


def _seconds_kept(registration: Registration, settings: Settings, now: datetime) -> int:
    """Counted from now, because writing it is what a time to live counts from."""
    after_end = settings.registration_lifetime_seconds + settings.idempotency_ttl_seconds
    if registration.over_at is None:
        return after_end
    until_forgotten = seconds_left(registration.over_at, KEPT_FOR, now)
    return until_forgotten if registration.due_at else min(after_end, until_forgotten)
