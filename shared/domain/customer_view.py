"""The read model: what customers see of their registration."""

from typing import Final, Literal, assert_never

from shared.domain.callers import Owner
from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer, RememberedDetails
from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId
from shared.domain.record import Timestamp

type ViewStatus = Literal["REGISTERED", "CANCELED"]


_PERSONAL: Final = frozenset(RememberedDetails.model_fields) | {"owner"}


class CustomerView(RememberedDetails):
    """A customer's registration as of `version`. That of a cancelled one says nothing about the person.

    `owner` as in `Customer`: what names the owner is found with everything else that is stored about them.
    """

    customer_id: CustomerId
    owner: Owner | None = None
    status: ViewStatus
    version: int
    registered_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    canceled_at: Timestamp | None = None

    @classmethod
    def of(cls, customer: Customer) -> "CustomerView":
        """As the events of this customer would have made it."""
        return cls.from_record(customer, status="REGISTERED")

    @classmethod
    def canceled(cls, cancellation: Cancellation) -> "CustomerView":
        """What is left of a cancelled customer, as far as the cancellation knows."""
        return cls(
            customer_id=cancellation.customer_id,
            status="CANCELED",
            version=cancellation.version,
            updated_at=cancellation.updated_at,
            canceled_at=cancellation.canceled_at,
        )

    def moved_to(self, latest: "CustomerView") -> "CustomerView | None":
        """This view after what `latest` shows, or None if that changes nothing.

        A view never goes back to an older version, so a cancelled one stays cancelled, and empty; what is older only
        fills in when the customer registered, if the view does not have that yet.
        """
        newer, older = (latest, self) if latest.version > self.version else (self, latest)
        moved = newer.model_copy(update={"registered_at": newer.registered_at or older.registered_at})
        if moved.status == "CANCELED":
            # A version of this code that forgot nobody may have written it.
            moved = moved.model_copy(update=dict.fromkeys(_PERSONAL))
        return None if moved == self else moved


def view_of(event: CustomerEvent) -> CustomerView:
    """The view as this event alone describes it. Events arrive twice, late and out of order: `moved_to`."""
    match event.type:
        case EventType.REGISTERED:
            return CustomerView.from_record(event.data, status="REGISTERED", registered_at=event.time)
        case EventType.UPDATED:
            return CustomerView.from_record(event.data, status="REGISTERED")
        case EventType.CANCELED:
            return CustomerView.canceled(Cancellation.of(event))
        case unknown:
            assert_never(unknown)
