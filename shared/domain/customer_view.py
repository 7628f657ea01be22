"""The read model: what customers see of their registration."""

from typing import Literal, assert_never

from shared.domain.customer import CustomerDetails
from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId
from shared.domain.record import Timestamp

type ViewStatus = Literal["REGISTERED", "CANCELED"]


class CustomerView(CustomerDetails):
    """A customer's registration as of `version`."""

    customer_id: CustomerId
    status: ViewStatus
    version: int
    registered_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    canceled_at: Timestamp | None = None


def project(view: CustomerView | None, event: CustomerEvent) -> CustomerView | None:
    """The view after `event`, or None if the event changes nothing.

    Events arrive twice, late and out of order. A view never goes back to an older version, so a cancelled view stays
    cancelled; an older event only fills in when the customer registered, if the view does not have that yet.
    """
    latest = _view_after(event)
    if view is None:
        return latest
    if latest.version > view.version:
        return latest.model_copy(update={"registered_at": view.registered_at or latest.registered_at})
    if view.registered_at is None and latest.registered_at is not None:
        return view.model_copy(update={"registered_at": latest.registered_at})
    return None


def _view_after(event: CustomerEvent) -> CustomerView:
    """The view as this event alone describes it."""
    match event.type:
        case EventType.REGISTERED:
            return CustomerView.from_record(event.data, status="REGISTERED", registered_at=event.time)
        case EventType.UPDATED:
            return CustomerView.from_record(event.data, status="REGISTERED")
        case EventType.CANCELED:
            return CustomerView.from_record(event.data, status="CANCELED", canceled_at=event.time)
        case unknown:
            assert_never(unknown)
