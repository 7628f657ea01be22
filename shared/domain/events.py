"""What happened to a customer, as CloudEvents 1.0 (structured JSON)."""

from datetime import datetime
from typing import Final, Literal, Self

from shared.domain.customer import Customer
from shared.domain.record import Record, Timestamp

CUSTOMER_REGISTERED: Final = "CustomerRegistered"
CUSTOMER_REGISTER_CANCELED: Final = "CustomerRegisterCanceled"

CONTENT_TYPE = "application/cloudevents+json"
SOURCE = "/customers"

type EventType = Literal["CustomerRegistered", "CustomerRegisterCanceled"]


class CustomerState(Record):
    """The customer as the event leaves them. `version` orders the events of one customer."""

    customer_id: str
    customer_name: str
    customer_address: str
    customer_age: int
    version: int


class CustomerEvent(Record):
    """A CloudEvent about one customer (CloudEvents 1.0 §3.1). `subject` is the customer id."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str = SOURCE
    type: EventType
    subject: str
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    data: CustomerState

    @classmethod
    def registered(cls, event_id: str, customer: Customer) -> Self:
        """The customer has registered."""
        return cls._about(customer, event_id, CUSTOMER_REGISTERED, customer.registered_at)

    @classmethod
    def canceled(cls, event_id: str, customer: Customer, now: datetime) -> Self:
        """The customer has cancelled the registration: one version further."""
        gone = customer.model_copy(update={"version": customer.version + 1})
        return cls._about(gone, event_id, CUSTOMER_REGISTER_CANCELED, now)

    @classmethod
    def _about(cls, customer: Customer, event_id: str, event_type: EventType, time: datetime) -> Self:
        state = CustomerState(
            customer_id=customer.customer_id,
            customer_name=customer.customer_name,
            customer_address=customer.customer_address,
            customer_age=customer.customer_age,
            version=customer.version,
        )
        return cls(id=event_id, type=event_type, subject=customer.customer_id, time=time, data=state)
