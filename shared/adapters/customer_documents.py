"""What lies in a customer's partition of the container `customers`, as documents."""

from datetime import timedelta
from typing import Any, Final

from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.events import CustomerEvent
from shared.domain.outbox import OutboxAttempt, OutboxEvent
from shared.domain.record import rfc3339
from shared.domain.registration import Attempt, Registration
from shared.settings import Settings
from shared.telemetry import traceparent

# There is one in a customer's partition, so its kind can be its id.
REGISTRATION_ID: Final = DocumentKind.REGISTRATION.value
# A registration that has not ended must not disappear: after its lifetime it has this long to end.
TIME_TO_END: Final = timedelta(days=7)


def customer_document(customer: Customer) -> dict[str, Any]:
    """Without a time to live."""
    return {"id": customer.customer_id, "type": DocumentKind.CUSTOMER.value, **customer.to_json_object()}


def event_document(event: CustomerEvent, settings: Settings, parent: str | None = None) -> dict[str, Any]:
    """The outbox document of the event, in the trace of the traceparent `parent`, else in the current one."""
    return OutboxEvent.of(event, parent or traceparent(), settings.outbox_ttl_seconds).to_json_object()


def attempt_document(attempt: Attempt, settings: Settings) -> dict[str, Any]:
    """The outbox document of the attempt, in the current trace."""
    return OutboxAttempt.of(attempt, traceparent(), settings.outbox_ttl_seconds).to_json_object()


def registration_document(registration: Registration, settings: Settings) -> dict[str, Any]:
    """The registration with the properties that its queries sort by, which are there only while it is to be found.

    `dueAt`: while something is left to do. `endsAt`: when it expires without KakaoTalk being asked. `pendingSince`:
    while it is pending. Once ended, it outlives its idempotency key: `Lifetimes`.
    """
    document = {
        **registration.to_json_object(),
        "id": REGISTRATION_ID,
        "type": DocumentKind.REGISTRATION.value,
        "ttl": settings.registration_lifetime_seconds + settings.idempotency_ttl_seconds,
    }
    if registration.due_at is not None:
        document["ttl"] = settings.registration_lifetime_seconds + int(TIME_TO_END.total_seconds())
    if registration.is_pending:
        document["pendingSince"] = rfc3339(registration.accepted_at)
        if registration.expires_at and not registration.may_be_told:
            document["endsAt"] = rfc3339(registration.expires_at)
    return document
