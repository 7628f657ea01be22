"""The stores on Cosmos DB, through the real SDK, on the local Cosmos DB, and what to store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.cosmos.aio import CosmosClient

from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.reservations import CosmosReservations
from shared.domain.customer import Customer
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.resources import CUSTOMERS
from shared.settings import Settings
from shared.use_cases.cancelling import StoredCustomer
from tests.integration.adapters.items import delete_all_items
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators


class Stores:
    """All stores on one database."""

    def __init__(self, connection_string: str) -> None:
        self.settings = settings_for(connection_string)
        self.database = CosmosDatabase(self.settings)
        self.customers = CosmosCustomers(self.database, self.settings)
        self.messages = CosmosKakaoMessages(self.database, self.settings)
        self.views = CosmosCustomerViews(self.database, self.settings)
        self.registrations = CosmosRegistrations(self.database, self.settings)
        self.reservations = CosmosReservations(self.database, CUSTOMERS, self.settings)

    async def registered(self, *, keep_answer: bool = False) -> StoredCustomer:
        customer = new_customer()
        await self.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=keep_answer)
        stored = await self.customers.find(customer.customer_id)
        assert stored
        return stored


def settings_for(connection_string: str) -> Settings:
    return Settings.model_validate(
        {
            "cosmos_connection": connection_string,
            "service_bus_connection": "Endpoint=sb://127.0.0.1:1;",
            "kakao_api_url": "http://127.0.0.1:1",
            "cosmos_timeout_seconds": 2,
        }
    )


@asynccontextmanager
async def empty_stores(emulators: Emulators) -> AsyncIterator[Stores]:
    """All stores on a database without documents."""
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
    stores = Stores(emulators.cosmos)
    yield stores
    await stores.database.close()


def new_id() -> CustomerId:
    return CustomerId(new_uuid7())


def new_customer() -> Customer:
    return Customer.register(new_id(), YEON, utc_now())
