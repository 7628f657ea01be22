"""When documents about a customer expire, through the real SDK, against the local Cosmos DB."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.domain.customer import Customer, Signature
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import FORGET_AFTER, KEPT_FOR, UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.registration import Registration
from shared.resources import CUSTOMERS
from tests.integration.adapters.forgetting_world import DAY, OWNER, SECONDS, World, empty_world
from tests.unit.fakes import WITH_PHONE
from tools.play.emulators import Emulators


@pytest.fixture
async def world(emulators: Emulators) -> AsyncIterator[World]:
    async with empty_world(emulators) as world:
        yield world


async def test_what_is_stored_about_a_customer_expires_within_five_days_of_the_cancellation(world: World) -> None:
    customer = await world.registered()
    await world.cancel(customer)

    documents = await world.documents(CUSTOMERS, customer.customer_id)

    personal = [each for each in documents if "yeon" in str(each)]
    assert {each["type"] for each in personal} == {"event", "registration"}
    assert all(0 < each["ttl"] <= KEPT_FOR.total_seconds() for each in personal)


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=1), timedelta(days=4), timedelta(days=9)])
async def test_a_withdrawn_registration_expires_within_five_days_however_often_it_is_written(
    world: World, age: timedelta
) -> None:
    then = utc_now() - age
    pending = Registration.postponed(CustomerId(new_uuid7()), WITH_PHONE, then, DAY, Signature(OWNER))
    await world.registrations.accept(pending.claimed(then, timedelta(seconds=5)))
    stored = await world.registrations.find(pending.customer_id)
    assert stored
    stored = await world.registrations.replace(stored, stored.registration.withdrawn(then))
    stored = await world.registrations.replace(stored, stored.registration.postponed_again(utc_now(), SECONDS))

    [document] = [
        each for each in await world.documents(CUSTOMERS, pending.customer_id) if each["id"] == "registration"
    ]

    left = (KEPT_FOR - age).total_seconds()
    assert document["ttl"] == 1 if left <= 0 else left - 60 < document["ttl"] <= left


async def test_a_pending_registration_disappears_five_days_after_its_time(world: World) -> None:
    pending = Registration.postponed(CustomerId(new_uuid7()), WITH_PHONE, utc_now(), DAY)
    await world.registrations.accept(pending)

    [document] = [
        each for each in await world.documents(CUSTOMERS, pending.customer_id) if each["id"] == "registration"
    ]

    left = (DAY + KEPT_FOR).total_seconds()
    assert left - 60 < document["ttl"] <= left


async def test_the_events_of_who_had_withdrawn_expire_five_days_after_that(world: World) -> None:
    customer = Customer.register(CustomerId(new_uuid7()), WITH_PHONE, utc_now())
    withdrawn_at = utc_now() - 3 * DAY
    event = CustomerEvent.registered(new_uuid7(), customer).expiring(withdrawn_at + UNHANDLED_AFTER)

    await world.customers.add(customer, event, keep_answer=False)

    [stored] = await world.events(customer)
    left = (withdrawn_at + FORGET_AFTER - utc_now()).total_seconds()
    assert stored.ttl
    assert left - 15 * 60 < stored.ttl <= left
