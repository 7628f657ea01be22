"""Everything that forgets, on the local Cosmos DB and Service Bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.cancellations import CosmosCancellations
from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.ended_claims import CosmosEndedClaims
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.kept_messages import SET_ASIDE, SET_ASIDE_DEAD_LETTERS, dead_letters_of
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.domain.callers import Owner
from shared.domain.customer import Customer, Signature
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.outbox import OutboxEvent
from shared.resources import CUSTOMERS, DATABASE, EVENTS_SET_ASIDE, VIEW_UPDATER
from shared.settings import Settings
from tests.integration.adapters.items import delete_all_items
from tests.integration.adapters.subscriptions import empty_subscriptions
from tests.unit.fakes import WITH_PHONE
from tools.play.emulators import Emulators

OWNER = Owner("kakao:4711")
DAY = timedelta(days=1)
SECONDS = timedelta(minutes=1)
"""What a test may take."""


@dataclass
class World:
    settings: Settings
    client: CosmosClient

    def __post_init__(self) -> None:
        self.database = CosmosDatabase(self.settings)
        self.customers = CosmosCustomers(self.database, self.settings)
        self.messages = CosmosKakaoMessages(self.database, self.settings)
        self.views = CosmosCustomerViews(self.database, self.settings)
        self.registrations = CosmosRegistrations(self.database, self.settings)
        self.cancellations = CosmosCancellations(self.database)
        self.claims = CosmosClaims(self.database, self.settings)
        self.ended_claims = CosmosEndedClaims(self.database)
        self.outbox = CosmosSweptOutbox(self.database, self.settings)

    def container(self, name: str) -> ContainerProxy:
        return self.client.get_database_client(DATABASE).get_container_client(name)

    async def documents(self, container: str, customer_id: CustomerId) -> list[dict[str, Any]]:
        items = self.container(container).query_items("SELECT * FROM c", partition_key=customer_id)
        return [item async for item in items]

    async def registered(self) -> Customer:
        customer = Customer.register(CustomerId(new_uuid7()), WITH_PHONE, utc_now(), Signature(OWNER))
        await self.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=True)
        return customer

    async def cancel(self, customer: Customer) -> CustomerEvent:
        stored = await self.customers.find(customer.customer_id)
        assert stored
        event = CustomerEvent.canceled(new_uuid7(), customer, utc_now())
        await self.customers.remove(stored, event)
        return event

    async def events(self, customer: Customer) -> list[OutboxEvent]:
        documents = await self.documents(CUSTOMERS, customer.customer_id)
        return [event for document in documents if (event := OutboxEvent.read(document))]


@asynccontextmanager
async def empty_world(emulators: Emulators) -> AsyncIterator[World]:
    """An empty database, and an empty Service Bus."""
    settings = Settings.model_validate(
        {
            "cosmos_connection": emulators.cosmos,
            "service_bus_connection": emulators.service_bus,
            "service_bus_timeout_seconds": 3,
            "kakao_api_url": "http://127.0.0.1:1",
            "owner_key": "k" * 32,
        }
    )
    await empty_subscriptions(emulators)
    async with ServiceBusClient.from_connection_string(emulators.service_bus) as bus:
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        for place in (SET_ASIDE_DEAD_LETTERS, dead_letters_of(VIEW_UPDATER), SET_ASIDE):
            async with place.receiver(bus) as peeking:
                left = bool(await peeking.peek_messages(1, sequence_number=1))
            if left and place is SET_ASIDE:
                async with bus.get_queue_receiver(EVENTS_SET_ASIDE, receive_mode=mode) as receiver:
                    await receiver.receive_messages(1000, max_wait_time=0.5)
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        world = World(settings, client)
        yield world
        await world.database.close()
