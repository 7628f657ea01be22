"""The stores on Cosmos DB, through the real SDK, against the local Cosmos DB in this process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local_azure.configuration import Configuration
from local_azure.cosmos import CosmosEmulator
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.reservations import CosmosReservations
from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView, project
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.idempotency import Reservation
from shared.domain.identifiers import new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.resources import CUSTOMERS, KAKAOS
from shared.settings import Settings
from shared.use_cases.cancelling import StoredCustomer
from tests.measured import measured
from tests.unit.fakes import YEON

ROOT = Path(__file__).parents[3]


class Stores:
    """Everything on one emulator."""

    def __init__(self, emulator: CosmosEmulator) -> None:
        self.settings = settings_for(emulator.connection_string)
        self.database = CosmosDatabase(self.settings)
        self.customers = CosmosCustomers(self.database, self.settings)
        self.messages = CosmosKakaoMessages(self.database, self.settings)
        self.views = CosmosCustomerViews(self.database, self.settings)
        self.reservations = CosmosReservations(self.database, CUSTOMERS, self.settings)

    async def registered(self, *, keep_answer: bool = False) -> StoredCustomer:
        customer = Customer.register(new_uuid7(), YEON, utc_now())
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


@pytest.fixture
async def stores() -> AsyncIterator[Stores]:
    configuration = Configuration.load(ROOT / "local-azure.toml")
    assert configuration.cosmos
    async with CosmosEmulator(containers=configuration.cosmos.containers) as emulator:
        stores = Stores(emulator)
        yield stores
        await stores.database.close()


def message_of(kind: MessageKind) -> KakaoMessage:
    request = KakaoMessageRequest.model_validate({**YEON.to_json_object(), "customerId": new_uuid7(), "kind": kind})
    return KakaoMessage.sent(request, Receipt(provider="p", receipt_id="r", status="accepted"), utc_now())


def canceled(stored: StoredCustomer) -> CustomerEvent:
    return CustomerEvent.canceled(new_uuid7(), stored.customer, utc_now())


async def test_what_is_stored_is_counted_once_and_what_was_there_is_not(stores: Stores) -> None:
    before = measured("ssak8.registrations")
    stored = await stores.registered()
    assert measured("ssak8.registrations") == before + 1

    with pytest.raises(AlreadyExists):
        await stores.customers.add(
            stored.customer, CustomerEvent.registered(new_uuid7(), stored.customer), keep_answer=False
        )
    assert measured("ssak8.registrations") == before + 1


async def test_a_write_that_was_repeated_below_counts_although_it_meets_itself(stores: Stores) -> None:
    customer = Customer.register(new_uuid7(), YEON, utc_now())
    event = CustomerEvent.registered(new_uuid7(), customer)
    await stores.customers.add(customer, event, keep_answer=False)
    before = measured("ssak8.registrations")

    # As if the answer to the first had been lost on its way.
    with pytest.raises(AlreadyExists):
        await stores.customers.add(customer, event, keep_answer=False)

    assert measured("ssak8.registrations") == before + 1


async def test_a_cancellation_is_counted(stores: Stores) -> None:
    stored = await stores.registered()
    before = measured("ssak8.cancellations")

    await stores.customers.remove(stored, canceled(stored))
    with pytest.raises(NotFound):
        await stores.customers.remove(stored, canceled(stored))

    assert measured("ssak8.cancellations") == before + 1


async def test_a_customer_is_found_as_it_was_added(stores: Stores) -> None:
    stored = await stores.registered()

    assert await stores.customers.get(stored.customer.customer_id) == stored.customer
    assert await stores.customers.first_answer(stored.customer.customer_id) is None


async def test_a_customer_cannot_be_added_twice(stores: Stores) -> None:
    customer = (await stores.registered(keep_answer=True)).customer

    with pytest.raises(AlreadyExists):
        await stores.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)


async def test_the_first_answer_outlives_the_customer(stores: Stores) -> None:
    stored = await stores.registered(keep_answer=True)

    await stores.customers.remove(stored, canceled(stored))

    assert await stores.customers.get(stored.customer.customer_id) is None
    assert await stores.customers.first_answer(stored.customer.customer_id) == stored.customer
    event = CustomerEvent.registered(new_uuid7(), stored.customer)
    with pytest.raises(AlreadyExists):
        await stores.customers.add(stored.customer, event, keep_answer=True)


async def test_of_two_removals_one_finds_nothing_and_one_event_is_stored(stores: Stores) -> None:
    stored = await stores.registered()

    outcomes = await asyncio.gather(
        *(stores.customers.remove(stored, canceled(stored)) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["NotFound"] * 4


async def test_a_removal_that_was_repeated_below_is_a_success(stores: Stores) -> None:
    stored = await stores.registered()
    event = canceled(stored)
    await stores.customers.remove(stored, event)

    await stores.customers.remove(stored, event)

    with pytest.raises(NotFound):
        await stores.customers.remove(stored, canceled(stored))


async def test_a_customer_that_changed_is_not_removed(stores: Stores) -> None:
    stored = await stores.registered()

    with pytest.raises(PreconditionFailed):
        await stores.customers.remove(StoredCustomer(stored.customer, '"another etag"'), canceled(stored))

    assert await stores.customers.get(stored.customer.customer_id)


async def test_pages_of_customers_go_on_where_the_last_one_ended(stores: Stores) -> None:
    ids = [(await stores.registered()).customer.customer_id for _ in range(5)]

    first = await stores.customers.page(2, None)
    second = await stores.customers.page(2, first.next_position)
    third = await stores.customers.page(2, second.next_position)

    pages = [first, second, third]
    assert [customer.customer_id for page in pages for customer in page.items] == ids[::-1]
    assert [page.next_position is None for page in pages] == [False, False, True]


async def test_a_full_last_page_has_no_next_one(stores: Stores) -> None:
    for _ in range(2):
        await stores.registered()

    page = await stores.customers.page(2, None)

    assert (len(page.items), page.next_position) == (2, None)


async def test_messages_are_kept_once_and_paged_newest_first(stores: Stores) -> None:
    messages = [message_of(MessageKind.REGISTERED) for _ in range(3)]
    for message in messages:
        await stores.messages.add(message)

    with pytest.raises(AlreadyExists):
        await stores.messages.add(messages[0])
    first = await stores.messages.page(2, None)
    second = await stores.messages.page(2, first.next_position)
    assert [*first.items, *second.items] == messages[::-1]
    assert await stores.messages.get(messages[0].message_id) == messages[0]


async def test_a_view_is_replaced_only_if_nobody_was_faster(stores: Stores) -> None:
    customer = Customer.register(new_uuid7(), YEON, utc_now())
    registered = CustomerEvent.registered(new_uuid7(), customer)
    view = project(None, registered)
    assert view
    await stores.views.add(view)
    stored = await stores.views.find(customer.customer_id)
    later = project(view, CustomerEvent.canceled(new_uuid7(), customer, utc_now()))
    assert stored
    assert later

    await stores.views.replace(stored, later)

    with pytest.raises(PreconditionFailed):
        await stores.views.replace(stored, later)
    with pytest.raises(AlreadyExists):
        await stores.views.add(view)
    assert await stores.views.get(customer.customer_id) == later
    [listed] = (await stores.views.page(5, None)).items
    assert isinstance(listed, CustomerView)


async def test_a_key_is_reserved_once_however_many_try(stores: Stores) -> None:
    wanted = [Reservation.of(YEON, new_uuid7()) for _ in range(8)]

    got = await asyncio.gather(*(stores.reservations.reserve("key", reservation) for reservation in wanted))

    assert len({reservation.resource_id for reservation in got}) == 1
    assert sorted(reservation.repeated for reservation in got) == [False] + [True] * 7


async def test_the_same_key_in_another_container_is_another_key(stores: Stores) -> None:
    elsewhere = CosmosReservations(stores.database, KAKAOS, stores.settings)

    for reservations in (stores.reservations, elsewhere):
        assert not (await reservations.reserve("key", Reservation.of(YEON, new_uuid7()))).repeated


async def test_a_database_that_does_not_answer_is_unavailable_within_the_timeout(unused_tcp_port: int) -> None:
    settings = settings_for(f"AccountEndpoint=http://127.0.0.1:{unused_tcp_port}/;AccountKey=bG9jYWw=;")
    customers = CosmosCustomers(CosmosDatabase(settings), settings)

    async with asyncio.timeout(settings.cosmos_timeout_seconds + 1):
        with pytest.raises(StoreUnavailable):
            await customers.find(new_uuid7())


async def test_a_database_that_comes_up_later_is_used_without_a_restart(unused_tcp_port: int) -> None:
    configuration = Configuration.load(ROOT / "local-azure.toml")
    assert configuration.cosmos
    settings = settings_for(f"AccountEndpoint=http://127.0.0.1:{unused_tcp_port}/;AccountKey=bG9jYWw=;")
    database = CosmosDatabase(settings)
    customers = CosmosCustomers(database, settings)
    with pytest.raises(StoreUnavailable):
        await customers.find(new_uuid7())

    async with CosmosEmulator(containers=configuration.cosmos.containers, port=unused_tcp_port):
        assert await customers.find(new_uuid7()) is None
        await database.close()


async def test_a_container_that_is_missing_is_not_taken_for_a_missing_customer() -> None:
    async with CosmosEmulator() as emulator:
        stores = Stores(emulator)
        with pytest.raises(StoreUnavailable):
            await stores.customers.find(new_uuid7())
        await stores.database.close()
