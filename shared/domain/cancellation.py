"""That a customer has cancelled, without anything personal: it outlives the event, which must be forgotten."""

from typing import Self

from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, Timestamp


class Cancellation(Record):
    """Stored in the batch of the cancellation, in the customer's partition. `event_id`: a UUIDv7, so it sorts by time.

    `version`: of the cancelled customer. `updated_at`: the last correction, if any. `claim_id`: of the owner's claim,
    until that is deleted.
    """

    customer_id: CustomerId
    event_id: str
    version: int
    updated_at: Timestamp | None = None
    canceled_at: Timestamp
    claim_id: str | None = None

    @classmethod
    def of(cls, event: CustomerEvent, claim_id: str | None = None) -> Self:
        """What outlives this event. Raises ValueError if it is none of a cancellation."""
        if event.type is not EventType.CANCELED:
            raise ValueError(f"event {event.id} is not about a cancellation")
        return cls(
            customer_id=event.subject,
            event_id=event.id,
            version=event.data.version,
            updated_at=event.data.updated_at,
            canceled_at=event.time,
            claim_id=claim_id,
        )
