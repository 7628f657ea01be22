"""What is stored about one customer, through the real SDK, against the local Cosmos DB."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from azure.cosmos.aio import CosmosClient
from pydantic import SecretStr

from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.own import VIEWS_OF_OWNER, CosmosOwnDocuments
from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.resources import CUSTOMER_VIEWS, DATABASE
from shared.use_cases.own import CollectOwnDocuments
from tests.integration.adapters.cosmos_stores import settings_for
from tests.integration.adapters.items import delete_all_items
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators

OTHERS = 60


@dataclass
class Registered:
    """A customer of `owner` with everything that comes of registering with an idempotency key."""

    customer: Customer
    event: CustomerEvent
    message: KakaoMessage


class Storage:
    def __init__(self, connection_string: str) -> None:
        settings = settings_for(connection_string).model_copy(update={"owner_key": SecretStr("k" * 32)})
        self.database = CosmosDatabase(settings)
        self.claims = CosmosClaims(self.database, settings)
        self.customers = CosmosCustomers(self.database, settings)
        self.messages = CosmosKakaoMessages(self.database, settings)
        self.views = CosmosCustomerViews(self.database, settings)
        self.own = CosmosOwnDocuments(self.database, settings)

    async def register(self, owner: Owner) -> Registered:
        customer = Customer.register(CustomerId(new_uuid7()), YEON, utc_now(), Signature(owner))
        event = CustomerEvent.registered(new_uuid7(), customer)
        await self.claims.add(owner, Claim(registration_id=customer.customer_id, held_until=utc_now()))
        await self.customers.add(customer, event, keep_answer=True)
        await self.views.add(CustomerView.from_record(customer, status="REGISTERED"))
        request = KakaoMessageRequest.from_record(customer, kind=MessageKind.REGISTERED)
        message = KakaoMessage.sent(request, Receipt(provider="p", receipt_id="r", status="accepted"), utc_now())
        await self.messages.add(message)
        return Registered(customer, event, message)


@pytest.fixture
async def storage(emulators: Emulators) -> AsyncIterator[Storage]:
    """An empty database."""
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
    storage = Storage(emulators.cosmos)
    yield storage
    await storage.database.close()


OWNER, OTHER = Owner("kakao:1"), Owner("kakao:2")


async def test_everything_that_is_stored_about_a_customer_is_collected_and_nothing_about_others(
    storage: Storage,
) -> None:
    own, other = await storage.register(OWNER), await storage.register(OTHER)

    collected = await CollectOwnDocuments(storage.claims, storage.own)(OWNER)

    kinds = sorted((each.container, str(each.content.get("type", "view"))) for each in collected)
    assert kinds == [
        ("customerViews", "view"),
        ("customers", "claim"),
        ("customers", "customer"),
        ("customers", "event"),
        ("customers", "registration"),
        ("kakaos", "message"),
    ]
    assert other.customer.customer_id not in str(collected)
    contents = {str(each.content.get("type", "view")): each.content for each in collected}
    assert contents["customer"].items() >= own.customer.to_json_object().items()
    assert contents["event"]["event"] == own.event.to_json_object()
    assert contents["message"].items() >= own.message.to_json_object().items()
    assert not any(name.startswith("_") for each in collected for name in each.content)


async def test_a_view_that_is_older_than_the_claim_is_collected_too(storage: Storage) -> None:
    """As after cancelling and registering anew, before the cancellation has arrived."""
    earlier = CustomerView.from_record((await storage.register(OWNER)).customer, status="REGISTERED")
    await storage.views.add(earlier.model_copy(update={"customer_id": CustomerId(new_uuid7())}))

    collected = await CollectOwnDocuments(storage.claims, storage.own)(OWNER)

    assert sum(each.container == CUSTOMER_VIEWS for each in collected) == 2


async def test_messages_are_those_of_the_customer_the_oldest_first(storage: Storage) -> None:
    own = await storage.register(OWNER)
    await storage.register(OTHER)
    request = KakaoMessageRequest.from_record(own.customer, kind=MessageKind.CANCELED)
    later = KakaoMessage.sent(request, Receipt(provider="p", receipt_id="r", status="accepted"), utc_now())
    await storage.messages.add(later)

    assert await storage.own.messages(own.customer.customer_id) == [own.message, later]


async def test_views_are_found_by_the_index_of_their_owner(storage: Storage, emulators: Emulators) -> None:
    own = await storage.register(OWNER)
    for number in range(OTHERS):
        view = CustomerView.from_record(own.customer, status="REGISTERED", owner=Owner(f"kakao:other-{number}"))
        await storage.views.add(view.model_copy(update={"customer_id": CustomerId(new_uuid7())}))

    assert await storage.own.ids_of_views(OWNER) == [own.customer.customer_id]
    assert await documents_read(emulators.cosmos, OWNER) == 1


async def documents_read(connection_string: str, owner: Owner) -> int:
    """How many documents the database looked at."""
    metrics: list[str] = []
    async with CosmosClient.from_connection_string(connection_string) as client:
        results = (
            client.get_database_client(DATABASE)
            .get_container_client(CUSTOMER_VIEWS)
            .query_items(
                VIEWS_OF_OWNER,
                parameters=[{"name": "@owner", "value": owner}],
                populate_query_metrics=True,
                response_hook=lambda headers, _: metrics.append(headers["x-ms-documentdb-query-metrics"]),
            )
        )
        assert [each async for each in results]
    return sum(int(float(page.split("retrievedDocumentCount=")[1].split(";")[0])) for page in metrics)
