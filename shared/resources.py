"""The names of what must exist before an app starts: in Cosmos DB, on Service Bus, and as functions."""

from typing import Final

DATABASE: Final = "ssak8"
CUSTOMERS: Final = "customers"
KAKAOS: Final = "kakaos"
CUSTOMER_VIEWS: Final = "customerViews"
LEASES: Final = "leases"

PARTITION_KEYS: Final = {
    CUSTOMERS: "/customerId",
    KAKAOS: "/customerId",
    CUSTOMER_VIEWS: "/id",
    LEASES: "/id",
}

TOPIC: Final = "customer-events"
KAKAO_ALERT: Final = "kakao-alert"
VIEW_UPDATER: Final = "view-updater"

SUBSCRIPTION_LABELS: Final[dict[str, str | None]] = {
    KAKAO_ALERT: "CustomerRegisterCanceled",
    VIEW_UPDATER: None,
}
"""Which label (event type) a subscription takes; None takes all."""

COSMOS_CONNECTION: Final = "COSMOS_CONNECTION"
SERVICE_BUS_CONNECTION: Final = "SERVICE_BUS_CONNECTION"
