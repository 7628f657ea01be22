"""Sweeping the outbox with the real SDKs, against the local Cosmos DB and Service Bus."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.adapters.attempt_queue import ServiceBusAttemptQueue
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.marks import CosmosMarks
from shared.adapters.service_bus import ServiceBusEventPublisher
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.domain.customer import Customer
from shared.domain.documents import DocumentKind
from shared.domain.errors import NotFound
from shared.domain.events import CustomerEvent, EventType
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, DATABASE, KAKAOS, VIEW_UPDATER
from shared.settings import Settings
from shared.use_cases.alerting import AlertCancellation
from shared.use_cases.cancelling import StoredCustomer
from shared.use_cases.projecting import MoveView, UpdateView
from shared.use_cases.publishing import PublishOutbox, read_outbox
from shared.use_cases.sweeping import EVENTS_A_PAGE, SWEPT_AFTER, SweepOutbox
from tests.integration.adapters.items import delete_all_items
from tests.integration.adapters.subscriptions import drained, empty_subscriptions
from tests.unit.fakes import YEON, FakeMetrics, FakeProvider
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.emulators import Emulators

MARK_ID = DocumentKind.SWEEP.value
AFTER_THE_SWEEP_AGE = SWEPT_AFTER + timedelta(minutes=1)


@dataclass
class Sweeping:
    """The outbox, its publisher and its sweep, which sees the time some minutes later than it is."""

    settings: Settings
    database: CosmosDatabase
    publisher: ServiceBusEventPublisher
    container: ContainerProxy

    def __post_init__(self) -> None:
        self.customers = CosmosCustomers(self.database, self.settings)
        self.outbox = CosmosSweptOutbox(self.database, self.settings)
        self.marks = CosmosMarks(self.database, CUSTOMERS, MARK_ID, DocumentKind.SWEEP, "sweptTo")
        self.views = CosmosCustomerViews(self.database, self.settings)
        self.messages = CosmosKakaoMessages(self.database, self.settings)
        self.later = AFTER_THE_SWEEP_AGE

    async def sweep(self) -> None:
        await SweepOutbox(
            self.outbox,
            self.marks,
            self.publisher,
            lambda: utc_now() + self.later,
            time.monotonic,
            self.outbox.renew,
        )()

    async def register(self) -> StoredCustomer:
        customer = Customer.register(CustomerId(new_uuid7()), YEON, utc_now())
        await self.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)
        stored = await self.customers.find(customer.customer_id)
        assert stored
        return stored

    async def cancel(self, stored: StoredCustomer) -> None:
        await self.customers.remove(stored, CustomerEvent.canceled(new_uuid7(), stored.customer, utc_now()))

    async def publish(self) -> None:
        """Publishes what the change feed has, from its beginning."""
        attempts = ServiceBusAttemptQueue(self.settings)
        await PublishOutbox(self.publisher, attempts, FakeMetrics().record_age)(read_outbox(await self.feed()))

    async def feed(self) -> list[dict[str, Any]]:
        return [change async for change in self.container.query_items_change_feed(start_time="Beginning")]

    async def handle(self, received: list[CustomerEvent]) -> None:
        """Handles events as view-updater and kakao-alert do."""
        alert = AlertCancellation(FakeProvider(), self.messages, utc_now, FakeMetrics().record_age)
        for event in received:
            await UpdateView(MoveView(self.views), FakeMetrics().record_age)(event)
            if event.type is EventType.CANCELED:
                await alert(event)

    async def views_and_messages(self) -> list[dict[str, Any]]:
        """All of them, with their etags: any change would show."""
        assert self.settings.cosmos_connection
        connection = self.settings.cosmos_connection.get_secret_value()
        async with CosmosClient.from_connection_string(connection) as client:
            database = client.get_database_client(DATABASE)
            containers = [database.get_container_client(name) for name in (CUSTOMER_VIEWS, KAKAOS)]
            return [item for container in containers async for item in container.read_all_items()]


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Emulators whose topic drops no duplicate, as if more than ten minutes had passed since the first sending."""
    folder = tmp_path_factory.mktemp("forgetful")
    shutil.copytree(ROOT / "entities", folder / "entities")
    file = folder / "entities" / "service-bus.json"
    entities = json.loads(file.read_text(encoding="utf-8"))
    [topic] = entities["UserConfig"]["Namespaces"][0]["Topics"]
    topic["Properties"]["RequiresDuplicateDetection"] = False
    file.write_text(json.dumps(entities), encoding="utf-8")
    settings = LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8")
    (folder / "local-azure.toml").write_text(settings, encoding="utf-8")
    with Emulators.running(folder / "local-azure.toml", folder / "state") as emulators:
        yield emulators


async def sweeping_with(emulators: Emulators) -> AsyncIterator[Sweeping]:
    """Empty stores and subscriptions."""
    settings = Settings.model_validate(
        {
            "cosmos_connection": emulators.cosmos,
            "service_bus_connection": emulators.service_bus,
            "kakao_api_url": "http://127.0.0.1:1",
        }
    )
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        await empty_subscriptions(emulators)
        container = client.get_database_client(DATABASE).get_container_client(CUSTOMERS)
        sweeping = Sweeping(settings, CosmosDatabase(settings), ServiceBusEventPublisher(settings), container)
        yield sweeping
        await sweeping.database.close()
        await sweeping.publisher.close()


@pytest.fixture
async def sweeping(emulators: Emulators) -> AsyncIterator[Sweeping]:
    async for each in sweeping_with(emulators):
        yield each


@pytest.fixture
async def sweeping_late(forgetful: Emulators) -> AsyncIterator[Sweeping]:
    async for each in sweeping_with(forgetful):
        yield each


async def received(emulators: Emulators) -> list[CustomerEvent]:
    """Everything in the subscription of view-updater, which is empty afterwards."""
    messages = await drained(emulators, VIEW_UPDATER)
    return [CustomerEvent.model_validate_json(b"".join(message.body)) for message in messages]


async def test_an_event_that_was_never_published_is_published(sweeping: Sweeping, emulators: Emulators) -> None:
    stored = await sweeping.register()
    await sweeping.cancel(stored)

    await sweeping.sweep()

    events = await received(emulators)
    assert [event.type for event in events] == [EventType.REGISTERED, EventType.CANCELED]
    assert {event.subject for event in events} == {stored.customer.customer_id}


async def test_an_event_that_is_not_old_enough_is_left_to_the_publisher(
    sweeping: Sweeping, emulators: Emulators
) -> None:
    await sweeping.register()
    sweeping.later = SWEPT_AFTER - timedelta(minutes=1)

    await sweeping.sweep()

    assert await received(emulators) == []


async def test_more_events_than_a_page_arrive_once_and_in_order(sweeping: Sweeping, emulators: Emulators) -> None:
    for _ in range(8):
        await asyncio.gather(*(sweeping.register() for _ in range(30)))

    await sweeping.sweep()

    ids = [event.id for event in await received(emulators)]
    assert len(ids) == 240 > EVENTS_A_PAGE
    assert ids == sorted(set(ids))


async def test_two_sweeps_and_the_publisher_at_once_deliver_each_event_once(
    sweeping: Sweeping, emulators: Emulators
) -> None:
    for _ in range(5):
        await sweeping.cancel(await sweeping.register())

    await asyncio.gather(sweeping.sweep(), sweeping.publish(), sweeping.sweep(), sweeping.publish())
    await sweeping.sweep()

    ids = [event.id for event in await received(emulators)]
    assert len(ids) == len(set(ids)) == 10


async def test_after_the_topic_has_forgotten_an_event_another_sweep_changes_no_view_and_no_message(
    sweeping_late: Sweeping, forgetful: Emulators
) -> None:
    await sweeping_late.register()
    await sweeping_late.cancel(await sweeping_late.register())
    await sweeping_late.publish()
    first = await received(forgetful)
    await sweeping_late.handle(first)
    before = await sweeping_late.views_and_messages()

    await sweeping_late.sweep()

    again = await received(forgetful)
    assert {event.id for event in again} == {event.id for event in first}
    await sweeping_late.handle(again)
    assert await sweeping_late.views_and_messages() == before
    assert len(before) == 3  # two views, one alert


async def test_the_mark_does_not_come_back_through_the_feed_as_an_event(
    sweeping: Sweeping, emulators: Emulators
) -> None:
    await sweeping.register()
    await sweeping.sweep()
    await received(emulators)

    changes = await sweeping.feed()

    assert MARK_ID in {change["id"] for change in changes}
    assert [event.event_type for event in read_outbox(changes).events] == [EventType.REGISTERED]


async def test_the_mark_never_expires(sweeping: Sweeping) -> None:
    await sweeping.register()
    await sweeping.sweep()

    mark = await sweeping.container.read_item(MARK_ID, partition_key=MARK_ID)

    assert mark["type"] == DocumentKind.SWEEP
    assert "ttl" not in mark


async def test_a_repeated_write_is_still_recognised_after_a_sweep(sweeping: Sweeping) -> None:
    customer = Customer.register(CustomerId(new_uuid7()), YEON, utc_now())
    registered = CustomerEvent.registered(new_uuid7(), customer)
    await sweeping.customers.add(customer, registered, keep_answer=False)
    stored = await sweeping.customers.find(customer.customer_id)
    assert stored
    await sweeping.sweep()
    await sweeping.customers.add(customer, registered, keep_answer=False)
    canceled = CustomerEvent.canceled(new_uuid7(), customer, utc_now())
    await sweeping.customers.remove(stored, canceled)
    await sweeping.sweep()

    await sweeping.customers.remove(stored, canceled)

    with pytest.raises(NotFound):
        await sweeping.customers.remove(stored, CustomerEvent.canceled(new_uuid7(), customer, utc_now()))


async def test_the_mark_is_in_no_list_of_customers(sweeping: Sweeping) -> None:
    stored = await sweeping.register()
    await sweeping.sweep()

    page = await sweeping.customers.page(10, None)

    assert page.items == [stored.customer]
