"""Claims through the real SDK, against the local Cosmos DB."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient
from pydantic import SecretStr

from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customers import CosmosCustomers
from shared.adapters.registrations import CosmosRegistrations
from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer, Signature
from shared.domain.errors import AlreadyExists, AlreadyRegistered, PreconditionFailed, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.domain.record import rfc3339
from shared.domain.registration import Registration
from shared.resources import CUSTOMERS, DATABASE
from shared.use_cases.claiming import ClaimRegistration, OwnClaim
from shared.use_cases.deadline import Deadline
from tests.integration.adapters.cosmos_stores import settings_for
from tests.integration.adapters.items import delete_all_items
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators

OWNER = Owner("kakao:1234567890")
# printf kakao:1234567890 | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
CLAIM_ID = "owner.524ba51b8d79f5d22fb9c3bcffedddfed8978e4c38593343a0614bfcb9ba0db4"
SECONDS = 5
HELD_FOR = timedelta(seconds=12)


class Claiming:
    """The stores, and the use case on them. `held_for` can be over at once."""

    def __init__(self, connection_string: str, container: ContainerProxy) -> None:
        self.settings = settings_for(connection_string).model_copy(update={"owner_key": SecretStr("k" * 32)})
        self.container = container
        self.database = CosmosDatabase(self.settings)
        self.claims = CosmosClaims(self.database, self.settings)
        self.customers = CosmosCustomers(self.database, self.settings)
        self.registrations = CosmosRegistrations(self.database, self.settings)

    async def claim(
        self, registration_id: CustomerId, owner: Owner = OWNER, held_for: timedelta = HELD_FOR
    ) -> OwnClaim:
        claim = ClaimRegistration(self.claims, self.registrations, self.customers, held_for, utc_now)
        return await claim(owner, registration_id, Deadline.after(SECONDS))

    async def registered(self) -> Customer:
        customer = new_customer()
        await self.claim(customer.customer_id)
        await self.add(customer)
        return customer

    async def add(self, customer: Customer, *, keep_answer: bool = False) -> None:
        await self.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=keep_answer)

    async def cancel(self, customer: Customer) -> None:
        stored = await self.customers.find(customer.customer_id)
        assert stored
        await self.customers.remove(stored, CustomerEvent.canceled(new_uuid7(), customer, utc_now()))

    async def types(self, customer_id: CustomerId) -> list[str]:
        items = self.container.query_items("SELECT * FROM c", partition_key=customer_id)
        return sorted([item["type"] async for item in items])


@pytest.fixture
async def claiming(emulators: Emulators) -> AsyncIterator[Claiming]:
    """An empty database."""
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        container = client.get_database_client(DATABASE).get_container_client(CUSTOMERS)
        claiming = Claiming(emulators.cosmos, container)
        yield claiming
        await claiming.database.close()


def new_id() -> CustomerId:
    return CustomerId(new_uuid7())


def new_customer() -> Customer:
    return Customer.register(new_id(), YEON, utc_now(), Signature(OWNER))


def new_claim() -> Claim:
    return Claim(registration_id=new_id(), held_until=utc_now() + HELD_FOR)


async def test_a_claim_is_stored_under_a_digest_and_says_nothing_about_its_owner(claiming: Claiming) -> None:
    claim = new_claim()

    await claiming.claims.add(OWNER, claim)

    document: dict[str, Any] = dict(await claiming.container.read_item(CLAIM_ID, partition_key=CLAIM_ID))
    assert {name: value for name, value in document.items() if not name.startswith("_")} == {
        "id": CLAIM_ID,
        "customerId": CLAIM_ID,
        "type": "claim",
        "registrationId": claim.registration_id,
        "heldUntil": rfc3339(claim.held_until),
    }
    assert await claiming.claims.find(OWNER) == claim.registration_id
    assert await claiming.claims.find(Owner("kakao:2")) is None
    assert claiming.claims.scoped_key(OWNER, "a key") == f"{CLAIM_ID} a key"


async def test_of_many_who_make_a_claim_at_once_one_does(claiming: Claiming) -> None:
    outcomes = await asyncio.gather(
        *(claiming.claims.add(OWNER, new_claim()) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyExists"] * 4 + ["StoredClaim"]


async def test_of_many_who_take_a_claim_over_at_once_one_does_and_the_first_cannot_release_it(
    claiming: Claiming,
) -> None:
    first = await claiming.claims.add(OWNER, new_claim())

    outcomes = await asyncio.gather(
        *(claiming.claims.replace(OWNER, first, new_claim()) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PreconditionFailed"] * 4 + ["StoredClaim"]
    await claiming.claims.remove(OWNER, first)
    assert await claiming.claims.read(OWNER) in outcomes


async def test_the_same_content_again_is_another_etag(claiming: Claiming) -> None:
    claim = new_claim()
    first = await claiming.claims.add(OWNER, claim)

    again = await claiming.claims.replace(OWNER, first, claim)

    assert again.etag != first.etag
    await claiming.claims.remove(OWNER, first)
    assert await claiming.claims.find(OWNER)


async def test_a_released_claim_is_gone_and_releasing_it_again_does_nothing(claiming: Claiming) -> None:
    stored = await claiming.claims.add(OWNER, new_claim())

    await claiming.claims.remove(OWNER, stored)
    await claiming.claims.remove(OWNER, stored)

    assert await claiming.claims.read(OWNER) is None
    with pytest.raises(PreconditionFailed):
        await claiming.claims.replace(OWNER, stored, new_claim())


async def test_a_customer_has_the_claim_until_the_cancellation_which_writes_nothing_to_it(claiming: Claiming) -> None:
    customer = await claiming.registered()
    with pytest.raises(AlreadyRegistered) as refusal:
        await claiming.claim(new_id())
    assert refusal.value.registration_id == customer.customer_id
    before = await claiming.claims.read(OWNER)

    await claiming.cancel(customer)

    assert await claiming.claims.read(OWNER) == before
    other = new_id()
    assert (await claiming.claim(other)).is_first
    assert await claiming.claims.find(OWNER) == other


async def test_what_is_pending_has_the_claim_until_it_ends(claiming: Claiming) -> None:
    pending = Registration.postponed(new_id(), YEON, utc_now(), timedelta(days=1), Signature(OWNER))
    await claiming.claim(pending.customer_id, held_for=timedelta())
    await claiming.registrations.accept(pending)
    with pytest.raises(AlreadyRegistered):
        await claiming.claim(new_id())

    stored = await claiming.registrations.find(pending.customer_id)
    assert stored
    await claiming.registrations.replace(stored, pending.refused("no"))

    assert (await claiming.claim(new_id())).is_first


async def test_what_was_never_stored_has_the_claim_for_its_time_and_is_fenced_off_afterwards(
    claiming: Claiming,
) -> None:
    never = new_customer()
    await claiming.claim(never.customer_id)
    with pytest.raises(AlreadyRegistered):
        await claiming.claim(new_id())
    # The same registration makes it again, and its time is up at once.
    assert not (await claiming.claim(never.customer_id, held_for=timedelta())).is_first

    assert (await claiming.claim(new_id())).is_first

    assert await claiming.types(never.customer_id) == ["fence", "registration"]
    for keep_answer in (False, True):
        with pytest.raises(AlreadyExists):
            await claiming.add(never, keep_answer=keep_answer)
    with pytest.raises(AlreadyExists):
        await claiming.registrations.accept(
            Registration.postponed(never.customer_id, YEON, utc_now(), timedelta(days=1), Signature(OWNER))
        )
    assert await claiming.customers.find(never.customer_id) is None
    assert (await claiming.customers.page(10, None)).items == []
    ended = await claiming.registrations.find(never.customer_id)
    assert ended
    assert (ended.registration.status, ended.registration.owner) == ("expired", OWNER)


async def test_what_was_stored_in_the_meantime_is_not_fenced_off(claiming: Claiming) -> None:
    at_once, answered, pending = new_customer(), new_customer(), new_customer()
    await claiming.add(at_once)
    await claiming.add(answered, keep_answer=True)
    await claiming.registrations.accept(
        Registration.postponed(pending.customer_id, YEON, utc_now(), timedelta(days=1), Signature(OWNER))
    )

    for customer in (at_once, answered, pending):
        before = await claiming.types(customer.customer_id)
        with pytest.raises(AlreadyExists):
            await claiming.registrations.fence_off(Registration.abandoned(customer.customer_id, OWNER, utc_now()))
        assert await claiming.types(customer.customer_id) == before


async def test_both_halves_of_a_fence_expire_together(claiming: Claiming) -> None:
    customer_id = new_id()

    await claiming.registrations.fence_off(Registration.abandoned(customer_id, OWNER, utc_now()))

    items = claiming.container.query_items("SELECT * FROM c", partition_key=customer_id)
    assert len({item["ttl"] async for item in items}) == 1


async def test_of_many_who_register_at_once_after_a_cancellation_one_has_the_claim(claiming: Claiming) -> None:
    await claiming.cancel(await claiming.registered())

    outcomes = await asyncio.gather(*(claiming.claim(new_id()) for _ in range(5)), return_exceptions=True)

    [own] = [each for each in outcomes if isinstance(each, OwnClaim)]
    refused = {each.registration_id for each in outcomes if isinstance(each, AlreadyRegistered)}
    assert refused == {own.stored.claim.registration_id}


async def test_a_database_that_is_down_is_unavailable_for_each_operation(
    claiming: Claiming, emulators: Emulators
) -> None:
    stored = await claiming.claims.add(OWNER, new_claim())
    await emulators.stop("cosmos")
    try:
        for operation in (
            claiming.claims.read(OWNER),
            claiming.claims.add(OWNER, new_claim()),
            claiming.claims.replace(OWNER, stored, new_claim()),
            claiming.claims.remove(OWNER, stored),
            claiming.registrations.is_canceled(new_id()),
            claiming.registrations.fence_off(Registration.abandoned(new_id(), OWNER, utc_now())),
        ):
            with pytest.raises(StoreUnavailable):
                await operation
    finally:
        await emulators.start("cosmos")
