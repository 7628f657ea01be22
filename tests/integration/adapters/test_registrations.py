"""Postponed registrations through the real SDK, against the local Cosmos DB."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customers import CosmosCustomers
from shared.adapters.registrations import DUE, EXPIRING, OLDEST, CosmosRegistrations
from shared.domain.cancellation import Cancellation
from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import KEPT_FOR
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.record import rfc3339
from shared.domain.registration import Registration, RegistrationStatus
from shared.resources import CUSTOMERS, DATABASE
from shared.settings import Settings
from shared.use_cases.registrations import StoredRegistration
from tests.integration.adapters.cosmos_stores import settings_for
from tests.integration.adapters.items import delete_all_items
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators

DAY = timedelta(days=1)

PAUSE = timedelta(seconds=10)


class Storage:
    """The registrations, and what of them is stored."""

    def __init__(self, settings: Settings, container: ContainerProxy) -> None:
        self.settings = settings
        self.container = container
        self.database = CosmosDatabase(settings)
        self.registrations = CosmosRegistrations(self.database, settings)
        self.customers = CosmosCustomers(self.database, settings)

    async def accepted(self, registration: Registration | None = None) -> StoredRegistration:
        registration = registration or postponed()
        await self.registrations.accept(registration)
        stored = await self.registrations.find(registration.customer_id)
        assert stored
        return stored

    async def documents(self, customer_id: CustomerId) -> dict[str, dict[str, Any]]:
        """By their types."""
        items = self.container.query_items("SELECT * FROM c", partition_key=customer_id)
        return {item["type"]: item async for item in items}

    async def read_by(self, query: str, size: int) -> int:
        """How many documents the database looked at."""
        metrics: list[str] = []
        results = self.container.query_items(
            query=query,
            parameters=[{"name": "@size", "value": size}, {"name": "@before", "value": rfc3339(utc_now() + 2 * DAY)}],
            populate_query_metrics=True,
            response_hook=lambda headers, _: metrics.append(headers["x-ms-documentdb-query-metrics"]),
        )
        assert [item async for item in results]
        return sum(int(float(page.split("retrievedDocumentCount=")[1].split(";")[0])) for page in metrics)


@pytest.fixture
async def storage(emulators: Emulators) -> AsyncIterator[Storage]:
    """An empty database."""
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        container = client.get_database_client(DATABASE).get_container_client(CUSTOMERS)
        storage = Storage(settings_for(emulators.cosmos), container)
        yield storage
        await storage.database.close()


def about(seconds: int, lifetime: timedelta) -> bool:
    """Whether so much is left of a life that began in this test."""
    return timedelta() <= lifetime - timedelta(seconds=seconds) < timedelta(minutes=1)


def postponed(now: datetime | None = None) -> Registration:
    return Registration.postponed(CustomerId(new_uuid7()), YEON, now or utc_now(), DAY)


def customer_of(registration: Registration) -> Customer:
    return Customer.register(registration.customer_id, YEON, utc_now())


def registered(customer: Customer) -> CustomerEvent:
    return CustomerEvent.registered(new_uuid7(), customer)


async def test_an_accepted_registration_is_stored_with_its_attempt_and_without_a_customer(storage: Storage) -> None:
    stored = await storage.accepted()

    registration = stored.registration
    documents = await storage.documents(registration.customer_id)
    assert set(documents) == {"registration", "attempt"}
    assert documents["registration"]["status"] == "pending"
    assert about(documents["registration"]["ttl"], DAY + KEPT_FOR)
    assert documents["attempt"]["id"] == f"{registration.customer_id}.1"
    assert documents["attempt"]["ttl"] == storage.settings.outbox_ttl_seconds
    assert "yeon" not in str(documents["attempt"])
    assert (await storage.customers.page(10, None)).items == []


async def test_accepting_the_same_again_succeeds_and_another_one_conflicts(storage: Storage) -> None:
    registration = (await storage.accepted()).registration

    await storage.registrations.accept(registration)

    another = Registration.postponed(registration.customer_id, YEON, utc_now(), DAY)
    with pytest.raises(AlreadyExists):
        await storage.registrations.accept(another)


async def test_registering_at_once_and_postponing_exclude_each_other(storage: Storage) -> None:
    registration = (await storage.accepted()).registration
    customer = customer_of(registration)
    at_once = customer_of(postponed())
    await storage.customers.add(at_once, registered(at_once), keep_answer=True)

    with pytest.raises(AlreadyExists):
        await storage.customers.add(customer, registered(customer), keep_answer=True)
    with pytest.raises(AlreadyExists):
        await storage.registrations.accept(Registration.postponed(at_once.customer_id, YEON, utc_now(), DAY))

    assert await storage.customers.get(customer.customer_id) is None
    assert set(await storage.documents(at_once.customer_id)) == {"customer", "event", "registration"}


async def test_a_first_answer_is_kept_as_an_ended_registration_that_no_query_finds(storage: Storage) -> None:
    customer = customer_of(postponed())

    await storage.customers.add(customer, registered(customer), keep_answer=True)

    stored = await storage.registrations.find(customer.customer_id)
    assert stored
    assert (stored.registration.status, stored.registration.customer) == (RegistrationStatus.REGISTERED, customer)
    document = (await storage.documents(customer.customer_id))["registration"]
    assert document["ttl"] == storage.settings.registration_lifetime_seconds + storage.settings.idempotency_ttl_seconds
    assert not {"dueAt", "endsAt", "pendingSince"} & document.keys()


async def test_of_many_claims_of_one_attempt_one_succeeds(storage: Storage) -> None:
    stored = await storage.accepted()
    claims = [stored.registration.claimed(utc_now(), PAUSE * n) for n in range(1, 7)]

    outcomes = await asyncio.gather(
        *(storage.registrations.replace(stored, claim) for claim in claims), return_exceptions=True
    )

    won = [outcome for outcome in outcomes if isinstance(outcome, StoredRegistration)]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PreconditionFailed"] * 5 + ["StoredRegistration"]
    assert await storage.registrations.find(stored.registration.customer_id) == won[0]


async def test_a_claim_whose_answer_was_lost_succeeds_when_the_sdk_repeats_it(storage: Storage) -> None:
    stored = await storage.accepted()
    claim = stored.registration.claimed(utc_now(), PAUSE)
    first = await storage.registrations.replace(stored, claim)

    assert await storage.registrations.replace(stored, claim) == first


async def test_settling_stores_customer_and_event_and_ends_the_registration(storage: Storage) -> None:
    stored = await storage.accepted()
    customer = customer_of(stored.registration)
    event = registered(customer)

    await storage.registrations.settle(stored, stored.registration.registered(customer), [event], customer)

    documents = await storage.documents(customer.customer_id)
    assert set(documents) == {"registration", "attempt", "customer", "event"}
    assert await storage.customers.get(customer.customer_id) == customer
    ended = documents["registration"]
    kept = storage.settings.registration_lifetime_seconds + storage.settings.idempotency_ttl_seconds
    assert (ended["status"], ended["ttl"]) == ("registered", kept)
    assert not {"details", "dueAt", "endsAt", "pendingSince"} & ended.keys()
    assert "ttl" not in documents["customer"]


async def test_settling_again_with_the_same_event_succeeds_and_with_another_one_fails(storage: Storage) -> None:
    stored = await storage.accepted()
    customer = customer_of(stored.registration)
    event = registered(customer)
    ended = stored.registration.registered(customer)
    await storage.registrations.settle(stored, ended, [event], customer)

    await storage.registrations.settle(stored, ended, [event], customer)

    with pytest.raises(PreconditionFailed):
        await storage.registrations.settle(stored, ended, [registered(customer)], customer)


async def test_a_registration_that_was_withdrawn_meanwhile_is_not_settled(storage: Storage) -> None:
    stored = await storage.accepted()
    await storage.registrations.replace(stored, stored.registration.withdrawn(utc_now()))
    customer = customer_of(stored.registration)

    with pytest.raises(PreconditionFailed):
        await storage.registrations.settle(
            stored, stored.registration.registered(customer), [registered(customer)], customer
        )

    assert await storage.customers.get(customer.customer_id) is None
    assert set(await storage.documents(customer.customer_id)) == {"registration", "attempt"}


async def test_ending_without_an_event_is_repeated_too(storage: Storage) -> None:
    stored = await storage.accepted()
    refused = stored.registration.refused("KakaoTalk refuses.")
    await storage.registrations.settle(stored, refused, [])

    await storage.registrations.settle(stored, refused, [])

    with pytest.raises(PreconditionFailed):
        await storage.registrations.settle(stored, stored.registration.expired(), [])


async def test_a_withdrawn_customer_who_was_told_gets_both_events_in_one_batch(storage: Storage) -> None:
    stored = await storage.accepted()
    claimed = await storage.registrations.replace(stored, stored.registration.claimed(utc_now(), PAUSE))
    withdrawn = await storage.registrations.replace(claimed, claimed.registration.withdrawn(utc_now()))
    customer = customer_of(stored.registration)
    events = [registered(customer), CustomerEvent.canceled(new_uuid7(), customer, utc_now())]

    await storage.registrations.settle(withdrawn, withdrawn.registration.settled(), events)

    items = storage.container.query_items("SELECT * FROM c", partition_key=customer.customer_id)
    types = sorted([item["type"] async for item in items])
    assert types == ["attempt", "cancellation", "event", "event", "registration"]
    cancellation = (await storage.documents(customer.customer_id))["cancellation"]
    assert Cancellation.model_validate(cancellation) == Cancellation.of(events[1])


async def test_what_is_withdrawn_with_something_left_to_ask_is_still_due_and_outlives_its_lifetime(
    storage: Storage,
) -> None:
    stored = await storage.accepted()
    claimed = await storage.registrations.replace(stored, stored.registration.claimed(utc_now(), PAUSE))

    await storage.registrations.replace(claimed, claimed.registration.withdrawn(utc_now()))

    document = (await storage.documents(stored.registration.customer_id))["registration"]
    assert about(document["ttl"], KEPT_FOR)
    assert await storage.registrations.due_before(utc_now() + DAY, 10)
    assert await storage.registrations.oldest() is None


async def test_the_queries_find_what_they_are_about_the_oldest_first(storage: Storage) -> None:
    now = utc_now()
    old, older, young = [await storage.accepted(postponed(now - PAUSE * n)) for n in (2, 3, 0)]
    ended = await storage.accepted(postponed(now - PAUSE * 9))
    await storage.registrations.replace(ended, ended.registration.expired())
    claimed = await storage.accepted(postponed(now - PAUSE * 5))
    claimed = await storage.registrations.replace(claimed, claimed.registration.claimed(now, PAUSE * 20))

    due = await storage.registrations.due_before(now, 10)
    expiring = await storage.registrations.expiring_before(now + DAY - PAUSE, 10)

    assert due == [older, old]
    assert await storage.registrations.due_before(now + DAY, 2) == [older, old]
    assert expiring == [older, old]
    assert await storage.registrations.oldest() == claimed.registration.accepted_at
    assert young in await storage.registrations.due_before(now + DAY, 10)


async def test_the_queries_look_at_nothing_else(storage: Storage) -> None:
    for _ in range(10):
        ended = await storage.accepted()
        await storage.registrations.replace(ended, ended.registration.expired())
        customer = customer_of(postponed())
        await storage.customers.add(customer, registered(customer), keep_answer=True)
    for _ in range(5):
        await storage.accepted()

    assert await storage.read_by(DUE, 3) == 3
    assert await storage.read_by(EXPIRING, 3) == 3
    assert await storage.read_by(OLDEST, 1) == 1
    assert await storage.read_by(DUE, 100) == 5


async def test_without_a_pending_one_there_is_no_oldest(storage: Storage) -> None:
    customer = customer_of(postponed())
    await storage.customers.add(customer, registered(customer), keep_answer=True)

    assert await storage.registrations.oldest() is None
    assert await storage.registrations.find(CustomerId(new_uuid7())) is None


async def test_a_database_that_is_down_is_unavailable_for_each_operation(
    storage: Storage, emulators: Emulators
) -> None:
    stored = await storage.accepted()
    await emulators.stop("cosmos")
    try:
        for operation in (
            storage.registrations.accept(postponed()),
            storage.registrations.replace(stored, stored.registration.not_told()),
            storage.registrations.settle(stored, stored.registration.expired(), []),
            storage.registrations.due_before(utc_now(), 1),
        ):
            with pytest.raises(StoreUnavailable):
                await operation
    finally:
        await emulators.start("cosmos")
