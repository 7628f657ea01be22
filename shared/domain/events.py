"""What happened to a customer, as CloudEvents 1.0 (structured JSON)."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, Self

from shared.domain.callers import Owner
from shared.domain.consent import Consent
from shared.domain.customer import Customer, CustomerDetails
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, Timestamp

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "/customers"


class EventType(StrEnum):
    """What can happen to a customer. A message of any other type is not an event of ours."""

    REGISTERED = "CustomerRegistered"
    UPDATED = "CustomerUpdated"
    CANCELED = "CustomerRegisterCanceled"


class CustomerState(CustomerDetails):
    """The customer after the event. `version` orders the events of one customer; `updated_at`: the last correction.

    `owner` and `consent` as in `Customer`.
    """

    customer_id: CustomerId
    owner: Owner | None = None
    consent: Consent | None = None
    version: int
    updated_at: Timestamp | None = None


class CustomerEvent(Record):
    """A CloudEvent about one customer (CloudEvents 1.0 §3.1). `subject` is the customer id.

    `expirytime`: after which it must not be handled, unless its time tells that (CloudEvents extension Expiry Time).
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str = SOURCE
    type: EventType
    subject: CustomerId
    time: Timestamp
    expirytime: Timestamp | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    data: CustomerState

    @property
    def expires_at(self) -> datetime:
        """After this moment it is no longer delivered, and what is left of it is removed."""
        return self.expirytime or self.time + UNHANDLED_AFTER

    def expiring(self, at: datetime) -> Self:
        """The same event, which expires then."""
        return self.model_copy(update={"expirytime": at})

    @classmethod
    def registered(cls, event_id: str, customer: Customer) -> Self:
        """The customer has registered."""
        return cls._about(CustomerState.from_record(customer), event_id, EventType.REGISTERED, customer.registered_at)

    @classmethod
    def updated(cls, event_id: str, customer: Customer) -> Self:
        """The customer's details were corrected just now. Raises ValueError if they never were."""
        if customer.updated_at is None:
            raise ValueError(f"customer {customer.customer_id} was never corrected")
        return cls._about(CustomerState.from_record(customer), event_id, EventType.UPDATED, customer.updated_at)

    @classmethod
    def canceled(cls, event_id: str, customer: Customer, now: datetime) -> Self:
        """The customer has cancelled the registration, which is one more version."""
        state = CustomerState.from_record(customer, version=customer.version + 1)
        return cls._about(state, event_id, EventType.CANCELED, now)

    @classmethod
    def _about(cls, state: CustomerState, event_id: str, event_type: EventType, time: datetime) -> Self:
        return cls(id=event_id, type=event_type, subject=state.customer_id, time=time, data=state)
