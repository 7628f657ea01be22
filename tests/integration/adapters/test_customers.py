"""Customers on Cosmos DB, through the real SDK, against the local Cosmos DB."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from shared.adapters.customers import CosmosCustomers
from shared.domain.callers import Owner
from shared.domain.consent import REQUIRED_ITEMS, Consent
from shared.domain.customer import Customer, Signature
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.record import rfc3339
from shared.domain.registration import Registration
from shared.resources import CUSTOMERS
from shared.use_cases.cancelling import StoredCustomer
from tests.integration.adapters.cosmos_stores import Stores, empty_stores, new_customer, new_id
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators


@pytest.fixture
async def stores(emulators: Emulators) -> AsyncIterator[Stores]:
    async with empty_stores(emulators) as stores:
        yield stores


def canceled(stored: StoredCustomer) -> CustomerEvent:
    return CustomerEvent.canceled(new_uuid7(), stored.customer, utc_now())


async def test_a_registration_that_the_sdk_repeats_is_a_success(stores: Stores) -> None:
    customer = new_customer()
    event = CustomerEvent.registered(new_uuid7(), customer)
    await stores.customers.add(customer, event, keep_answer=False)

    # As if the answer to the first request had been lost.
    await stores.customers.add(customer, event, keep_answer=False)

    with pytest.raises(AlreadyExists):
        await stores.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)


async def test_a_customer_is_found_as_it_was_added(stores: Stores) -> None:
    stored = await stores.registered()

    assert await stores.customers.get(stored.customer.customer_id) == stored.customer
    assert await stores.registrations.find(stored.customer.customer_id) is None


async def test_a_customer_cannot_be_added_twice(stores: Stores) -> None:
    customer = (await stores.registered(keep_answer=True)).customer

    with pytest.raises(AlreadyExists):
        await stores.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)


async def test_the_first_answer_outlives_the_customer(stores: Stores) -> None:
    stored = await stores.registered(keep_answer=True)

    await stores.customers.remove(stored, canceled(stored))

    assert await stores.customers.get(stored.customer.customer_id) is None
    first = await stores.registrations.find(stored.customer.customer_id)
    assert first is not None
    assert first.registration == Registration.answered(stored.customer)
    event = CustomerEvent.registered(new_uuid7(), stored.customer)
    with pytest.raises(AlreadyExists):
        await stores.customers.add(stored.customer, event, keep_answer=True)


async def test_of_two_removals_one_finds_nothing_and_one_event_is_stored(stores: Stores) -> None:
    stored = await stores.registered()

    outcomes = await asyncio.gather(
        *(stores.customers.remove(stored, canceled(stored)) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["NotFound"] * 4


async def test_a_cancellation_that_the_sdk_repeats_is_a_success(stores: Stores) -> None:
    stored = await stores.registered()
    event = canceled(stored)
    await stores.customers.remove(stored, event)

    await stores.customers.remove(stored, event)

    with pytest.raises(NotFound):
        await stores.customers.remove(stored, canceled(stored))


OWNER = Owner("kakao:1234567890")
SIGNATURE = Signature(OWNER, Consent.given("2026-01", REQUIRED_ITEMS, utc_now()))


async def test_a_cancellation_outlives_its_event_and_holds_nothing_personal(stores: Stores) -> None:
    settings = stores.settings.model_copy(update={"owner_key": SecretStr("k" * 32)})
    customers = CosmosCustomers(stores.database, settings)
    customer = Customer.register(new_id(), YEON, utc_now(), SIGNATURE)
    await customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=False)
    stored = await customers.find(customer.customer_id)
    assert stored
    event = canceled(stored)

    await customers.remove(stored, event)

    document = await document_of(stores, "cancellation", customer.customer_id)
    assert {name: value for name, value in document.items() if not name.startswith("_")} == {
        "id": "cancellation",
        "type": "cancellation",
        "customerId": customer.customer_id,
        "cancellation": event.id,
        "eventId": event.id,
        "version": 2,
        "canceledAt": rfc3339(event.time),
        # printf kakao:1234567890 | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
        "claimId": "owner.524ba51b8d79f5d22fb9c3bcffedddfed8978e4c38593343a0614bfcb9ba0db4",
        "ttl": 30 * 24 * 60 * 60,
    }


async def test_owner_and_consent_are_stored_with_customer_registration_and_events(stores: Stores) -> None:
    customer = Customer.register(new_id(), YEON, utc_now(), SIGNATURE)
    await stores.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=True)

    stored = await stores.customers.find(customer.customer_id)
    assert stored
    assert stored.customer == customer
    await stores.customers.remove(stored, canceled(stored))

    answered = await stores.registrations.find(customer.customer_id)
    assert answered
    assert (answered.registration.owner, answered.registration.customer) == (OWNER, customer)
    events = await events_of(stores, customer.customer_id)
    assert [(event.data.owner, event.data.consent) for event in events] == [(OWNER, SIGNATURE.consent)] * 2


async def events_of(stores: Stores, customer_id: CustomerId) -> list[CustomerEvent]:
    async with stores.database.container(CUSTOMERS, "query_items") as container:
        items = container.query_items("SELECT * FROM c WHERE c.type = 'event'", partition_key=customer_id)
        return [CustomerEvent.model_validate(item["event"]) async for item in items]


async def test_who_has_cancelled_is_in_no_list(stores: Stores) -> None:
    stored = await stores.registered(keep_answer=True)
    other = await stores.registered()
    await stores.customers.remove(stored, canceled(stored))

    page = await stores.customers.page(10, None)

    assert page.items == [other.customer]


async def test_a_customer_that_changed_is_not_removed(stores: Stores) -> None:
    stored = await stores.registered()

    with pytest.raises(PreconditionFailed):
        await stores.customers.remove(StoredCustomer(stored.customer, '"another etag"'), canceled(stored))

    assert await stores.customers.get(stored.customer.customer_id)


def corrected(stored: StoredCustomer, **changes: object) -> Customer:
    return stored.customer.corrected(stored.customer.model_copy(update=changes), utc_now())


def updated(customer: Customer) -> CustomerEvent:
    return CustomerEvent.updated(new_uuid7(), customer)


async def document_of(stores: Stores, document_id: str, customer_id: CustomerId) -> dict[str, Any]:
    async with stores.database.container(CUSTOMERS, "read_item") as container:
        return dict(await container.read_item(document_id, partition_key=customer_id))


async def test_a_correction_and_its_event_are_stored_and_what_it_removes_is_gone(stores: Stores) -> None:
    first = await stores.registered()
    with_phone = corrected(first, customer_phone="01023456789", customer_age=21)
    await stores.customers.replace(first, with_phone, updated(with_phone))
    second = await stores.customers.find(first.customer.customer_id)
    assert second

    without_phone = corrected(second, customer_phone=None)
    event = updated(without_phone)
    await stores.customers.replace(second, without_phone, event)

    assert second.customer.customer_phone == "01023456789"
    stored = await stores.customers.get(first.customer.customer_id)
    assert stored
    assert stored.to_json_object() == without_phone.to_json_object()
    assert (stored.version, stored.customer_age, stored.registered_at) == (3, 21, first.customer.registered_at)
    outbox = await document_of(stores, event.id, event.subject)
    assert outbox["event"] == event.to_json_object()


async def test_a_correction_keeps_what_a_later_version_of_the_code_has_stored(stores: Stores) -> None:
    stored = await stores.registered()
    customer_id = stored.customer.customer_id
    async with stores.database.container(CUSTOMERS, "patch_item") as container:
        await container.patch_item(customer_id, customer_id, [{"op": "set", "path": "/later", "value": 1}])
    current = await stores.customers.find(customer_id)
    assert current

    older = corrected(current, customer_age=21)
    await stores.customers.replace(current, older, updated(older))

    document = await document_of(stores, customer_id, customer_id)
    assert (document["later"], document["customerAge"], document["type"]) == (1, 21, "customer")


async def test_of_two_corrections_one_finds_a_change_and_one_event_is_stored(stores: Stores) -> None:
    stored = await stores.registered()
    customers = [corrected(stored, customer_age=age) for age in range(5)]

    outcomes = await asyncio.gather(
        *(stores.customers.replace(stored, customer, updated(customer)) for customer in customers),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["PreconditionFailed"] * 4
    current = await stores.customers.get(stored.customer.customer_id)
    assert current
    assert current.version == 2


async def test_who_was_cancelled_is_not_corrected_and_who_was_corrected_is_not_cancelled_unseen(
    stores: Stores,
) -> None:
    first, second = await stores.registered(), await stores.registered()
    older = corrected(first, customer_age=21)
    await stores.customers.remove(first, canceled(first))
    with pytest.raises(NotFound):
        await stores.customers.replace(first, older, updated(older))
    older = corrected(second, customer_age=21)
    await stores.customers.replace(second, older, updated(older))
    with pytest.raises(PreconditionFailed):
        await stores.customers.remove(second, canceled(second))


async def test_a_correction_that_the_sdk_repeats_is_a_success(stores: Stores) -> None:
    stored = await stores.registered()
    older = corrected(stored, customer_age=21)
    event = updated(older)
    await stores.customers.replace(stored, older, event)

    await stores.customers.replace(stored, older, event)

    with pytest.raises(PreconditionFailed):
        await stores.customers.replace(stored, older, updated(older))


async def test_a_page_of_customers_continues_where_the_last_one_ended(stores: Stores) -> None:
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
