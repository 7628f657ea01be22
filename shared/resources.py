"""The names of what must exist before an app starts, in Cosmos DB and on Service Bus; entities/ describes it."""

from typing import Final

from shared.domain.events import EventType

DATABASE: Final = "ssak8"
CUSTOMERS: Final = "customers"
KAKAOS: Final = "kakaos"
CUSTOMER_VIEWS: Final = "customerViews"
LEASES: Final = "leases"
ACCESS_RECORDS: Final = "accessRecords"
"""Who of the operators has seen or changed whose data."""

TOPIC: Final = "customer-events"
KAKAO_ALERT: Final = "kakao-alert"
VIEW_UPDATER: Final = "view-updater"

EVENTS_SET_ASIDE: Final = "events-set-aside"
"""The queue of messages that a function with batches could not handle."""

REGISTRATIONS_POSTPONED: Final = "registrations-postponed"
"""The queue of attempts to register those whose registration was postponed."""

QUEUES: Final = (EVENTS_SET_ASIDE, REGISTRATIONS_POSTPONED)

SUBSCRIPTION_LABELS: Final[dict[str, str | None]] = {
    KAKAO_ALERT: EventType.CANCELED.value,
    VIEW_UPDATER: None,
}
"""The label (event type) that a subscription receives; None: all of them."""

COSMOS_CONNECTION: Final = "COSMOS_CONNECTION"
SERVICE_BUS_CONNECTION: Final = "SERVICE_BUS_CONNECTION"
