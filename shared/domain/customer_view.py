"""The read model: what a customer sees on my page."""

from typing import Literal

from shared.domain.events import CUSTOMER_REGISTER_CANCELED, CustomerEvent
from shared.domain.record import Record, Timestamp

type ViewStatus = Literal["REGISTERED", "CANCELED"]


class CustomerView(Record):
    """A customer's registration as of `version`."""

    customer_id: str
    customer_name: str
    customer_address: str
    customer_age: int
    status: ViewStatus
    version: int
    registered_at: Timestamp | None = None
    canceled_at: Timestamp | None = None


def project(view: CustomerView | None, event: CustomerEvent) -> CustomerView | None:
    """The view after `event`, or None where the event changes nothing.

    Events come twice, late and out of order: a view only moves forward. An older event still tells when the customer
    registered, if the view does not know it yet.
    """
    if view is None:
        return _view_of(event)
    if event.data.version > view.version:
        return _view_of(event).model_copy(update={"registered_at": view.registered_at})
    if event.type != CUSTOMER_REGISTER_CANCELED and view.registered_at is None:
        return view.model_copy(update={"registered_at": event.time})
    return None


def _view_of(event: CustomerEvent) -> CustomerView:
    canceled = event.type == CUSTOMER_REGISTER_CANCELED
    return CustomerView(
        customer_id=event.data.customer_id,
        customer_name=event.data.customer_name,
        customer_address=event.data.customer_address,
        customer_age=event.data.customer_age,
        status="CANCELED" if canceled else "REGISTERED",
        version=event.data.version,
        registered_at=None if canceled else event.time,
        canceled_at=event.time if canceled else None,
    )
