"""Access records and the search by phone number, through the real SDK, against the local Cosmos DB."""

import logging
from collections.abc import AsyncIterator

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.adapters.access_records import CosmosAccessRecords
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customers import BY_PHONE_NUMBER, CosmosCustomers
from shared.domain.access_record import Access, AccessRecord, Action, Reason, Target
from shared.domain.customer import Customer
from shared.domain.errors import StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.phone_number import PhoneNumber
from shared.resources import ACCESS_RECORDS, CUSTOMERS, DATABASE
from shared.settings import Settings
from tests.integration.adapters.items import delete_all_items
from tests.unit.fakes import CUSTOMER_ID, YEON
from tools.play.emulators import Emulators

OPERATOR = "11111111-2222-4333-8444-555555555555"
NUMBER = PhoneNumber("01012345678")
OTHERS = 300
"""So many that a scan of all costs visibly more than what an index finds."""


@pytest.fixture
async def client(emulators: Emulators) -> AsyncIterator[CosmosClient]:
    """An empty database."""
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        yield client


@pytest.fixture
async def database(client: CosmosClient, emulators: Emulators) -> AsyncIterator[CosmosDatabase]:
    database = CosmosDatabase(settings_for(emulators.cosmos))
    yield database
    await database.close()


def settings_for(connection_string: str) -> Settings:
    return Settings.model_validate(
        {
            "cosmos_connection": connection_string,
            "service_bus_connection": "Endpoint=sb://127.0.0.1:1;",
            "kakao_api_url": "http://127.0.0.1:1",
            "cosmos_timeout_seconds": 2,
        }
    )


def container(client: CosmosClient, name: str) -> ContainerProxy:
    return client.get_database_client(DATABASE).get_container_client(name)


def record_of(*customer_ids: CustomerId) -> AccessRecord:
    access = Access(Action.REVEAL, Target.CUSTOMER, customer_ids, Reason.COMPLAINT)
    return AccessRecord.of(access, new_uuid7(), utc_now(), OPERATOR, "203.0.113.7")


async def test_a_record_is_stored_with_its_time_to_live(
    database: CosmosDatabase, client: CosmosClient, emulators: Emulators
) -> None:
    record = record_of(CUSTOMER_ID)

    await CosmosAccessRecords(database, settings_for(emulators.cosmos)).add(record)

    stored = await container(client, ACCESS_RECORDS).read_item(record.id, partition_key=OPERATOR)
    assert stored["ttl"] == 400 * 24 * 60 * 60
    assert {name: value for name, value in stored.items() if not name.startswith("_") and name != "ttl"} == {
        "id": record.id,
        "operatorId": OPERATOR,
        "at": record.to_json_object()["at"],
        "address": "203.0.113.7",
        "action": "reveal",
        "target": "customer",
        "customerIds": [CUSTOMER_ID],
        "reason": "complaint",
    }


async def test_a_record_that_the_sdk_stores_again_is_a_success(database: CosmosDatabase, emulators: Emulators) -> None:
    records, record = CosmosAccessRecords(database, settings_for(emulators.cosmos)), record_of(CUSTOMER_ID)
    await records.add(record)

    # As if the answer to the first request had been lost.
    await records.add(record)


async def test_a_database_that_does_not_respond_has_no_record(database: CosmosDatabase) -> None:
    settings = settings_for("AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;")
    away = CosmosDatabase(settings)

    with pytest.raises(StoreUnavailable):
        await CosmosAccessRecords(away, settings).add(record_of(CUSTOMER_ID))

    await away.close()


@pytest.fixture
async def registered(database: CosmosDatabase, emulators: Emulators) -> list[Customer]:
    """Two with the number, the older one first, among many others."""
    customers = CosmosCustomers(database, settings_for(emulators.cosmos))
    found = []
    for count in range(OTHERS + 2):
        number = NUMBER if count in (0, OTHERS) else f"010{count:08}"
        details = YEON.model_copy(update={"customer_phone": number})
        customer = Customer.register(CustomerId(new_uuid7()), details, utc_now())
        await customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=True)
        if number == NUMBER:
            found.append(customer)
    return found


async def test_a_search_finds_every_customer_with_exactly_the_number(
    database: CosmosDatabase, emulators: Emulators, registered: list[Customer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    customers = CosmosCustomers(database, settings_for(emulators.cosmos))
    older, newer = registered

    assert await customers.with_phone_number(NUMBER, 20) == [newer, older]
    assert await customers.with_phone_number(NUMBER, 1) == [newer]
    assert await customers.with_phone_number(PhoneNumber("01099999999"), 20) == []
    assert NUMBER not in caplog.text
    assert YEON.customer_name not in caplog.text


async def test_a_search_reads_only_what_it_finds(client: CosmosClient, registered: list[Customer]) -> None:
    headers: list[dict[str, str]] = []
    results = container(client, CUSTOMERS).query_items(
        BY_PHONE_NUMBER,
        parameters=[
            {"name": "@number", "value": NUMBER},
            {"name": "@size", "value": 20},
        ],
        response_hook=lambda answer, _: headers.append(dict(answer)),
    )

    assert len([each async for each in results]) == len(registered)
    assert sum(float(answer["x-ms-request-charge"]) for answer in headers) < 3
