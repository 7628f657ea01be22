"""What is a customer's own, at each moment of a registration."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.errors import NotFound
from shared.domain.identifiers import CustomerId
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.registration import Registration
from shared.use_cases.own import CollectOwnDocuments, LookUpOwnRegistration, StoredDocument
from shared.use_cases.registrations import StoredRegistration
from tests.unit.fake_registrations import FakeClaims, FakeCustomers, FakeRegistrations
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeViews

OWNER = Owner("kakao:1")
SIGNATURE = Signature(OWNER)
CUSTOMER = Customer.register(CUSTOMER_ID, YEON, START, SIGNATURE)
VIEW = CustomerView.from_record(CUSTOMER, status="REGISTERED")
PENDING = Registration.postponed(CUSTOMER_ID, YEON, START, timedelta(days=1), SIGNATURE)
REQUEST = KakaoMessageRequest.from_record(YEON, customer_id=CUSTOMER_ID, kind=MessageKind.REGISTERED)
MESSAGE = KakaoMessage.sent(REQUEST, Receipt(provider="fake", receipt_id="1", status="accepted"), START)


class Claims(FakeClaims):
    async def find(self, owner: Owner) -> CustomerId | None:
        stored = await self.read(owner)
        return stored.claim.registration_id if stored else None


class Views(FakeViews):
    async def get(self, customer_id: CustomerId) -> CustomerView | None:
        stored = await self.find(customer_id)
        return stored.view if stored else None


class Messages:
    async def messages(self, customer_id: CustomerId) -> Sequence[KakaoMessage]:
        return [MESSAGE] if customer_id == CUSTOMER_ID else []


class RegisteredMeanwhile(FakeRegistrations):
    """The customer is stored just before this is read."""

    async def find(self, customer_id: CustomerId) -> StoredRegistration | None:
        self.partitions.customers[CUSTOMER_ID] = CUSTOMER
        return self.partitions.store(PENDING.registered(CUSTOMER))


@dataclass
class World:
    claims: Claims = field(default_factory=Claims)
    views: Views = field(default_factory=Views)
    customers: FakeCustomers = field(default_factory=FakeCustomers)

    def __post_init__(self) -> None:
        self.registrations = FakeRegistrations(self.customers)

    async def claimed(self, owner: Owner = OWNER) -> None:
        await self.claims.add(owner, Claim(registration_id=CUSTOMER_ID, held_until=START))

    async def own(self, owner: Owner = OWNER) -> CustomerView | Registration:
        look_up = LookUpOwnRegistration(self.claims, self.views, self.customers, self.registrations, Messages())
        found = await look_up(owner)
        assert found.messages == [MESSAGE]
        return found.registration


async def test_without_a_claim_there_is_no_registration_whatever_is_stored() -> None:
    world = World()
    world.customers.customers[CUSTOMER_ID] = CUSTOMER
    await world.views.add(VIEW)

    with pytest.raises(NotFound):
        await world.own()


async def test_a_claim_alone_is_no_registration() -> None:
    """KakaoTalk is being asked, or was in vain."""
    world = World()
    await world.claimed()

    with pytest.raises(NotFound):
        await world.own()


async def test_just_registered_it_is_shown_from_the_write_model() -> None:
    world = World()
    await world.claimed()
    world.customers.customers[CUSTOMER_ID] = CUSTOMER

    assert await world.own() == VIEW


async def test_later_it_is_shown_from_the_read_model() -> None:
    world = World()
    await world.claimed()
    world.customers.customers[CUSTOMER_ID] = CUSTOMER
    older = VIEW.model_copy(update={"customer_name": "as the view has it"})
    await world.views.add(older)

    assert await world.own() == older


async def test_a_pending_registration_is_shown_as_such() -> None:
    world = World()
    await world.claimed()
    await world.registrations.accept(PENDING)

    assert await world.own() == PENDING


@pytest.mark.parametrize(
    "ended", [PENDING.expired(), PENDING.refused("blocked"), PENDING.withdrawn(START), PENDING.registered(CUSTOMER)]
)
async def test_one_that_has_ended_is_none(ended: Registration) -> None:
    """Of one that was registered the customer is gone too: cancelled."""
    world = World()
    await world.claimed()
    world.customers.store(ended)

    with pytest.raises(NotFound):
        await world.own()


async def test_one_that_is_registered_between_the_reads_is_found() -> None:
    world = World()
    await world.claimed()
    world.registrations = RegisteredMeanwhile(world.customers)

    assert await world.own() == VIEW


async def test_a_cancelled_view_is_no_registration() -> None:
    world = World()
    await world.claimed()
    await world.views.add(VIEW.model_copy(update={"status": "CANCELED"}))

    with pytest.raises(NotFound):
        await world.own()


async def test_a_claim_that_names_what_belongs_to_somebody_else_shows_nothing() -> None:
    world = World()
    await world.claimed(Owner("kakao:2"))
    await world.views.add(VIEW)

    with pytest.raises(NotFound):
        await world.own(Owner("kakao:2"))


@dataclass
class Documents:
    """`views`: the customers whose view names the owner; `stored`: what is kept about customers."""

    views: Sequence[CustomerId] = ()
    stored: dict[CustomerId, list[StoredDocument]] = field(default_factory=dict)
    claims: Sequence[StoredDocument] = ()

    async def claim(self, owner: Owner) -> Sequence[StoredDocument]:
        return self.claims

    async def ids_of_views(self, owner: Owner) -> Sequence[CustomerId]:
        return self.views

    async def about(self, customer_id: CustomerId) -> Sequence[StoredDocument]:
        return self.stored.get(customer_id, [])


EARLIER_ID = CustomerId("0189ee3d-0000-7000-8000-000000000000")


async def test_all_documents_are_those_of_the_claim_and_of_each_view_once() -> None:
    claims = Claims()
    await claims.add(OWNER, Claim(registration_id=CUSTOMER_ID, held_until=START))
    kept = {name: StoredDocument("customers", {"id": name}) for name in ("claim", "now", "earlier")}
    stored = {CUSTOMER_ID: [kept["now"]], EARLIER_ID: [kept["earlier"]]}
    documents = Documents([EARLIER_ID, CUSTOMER_ID], stored, [kept["claim"]])

    assert await CollectOwnDocuments(claims, documents)(OWNER) == [kept["claim"], kept["now"], kept["earlier"]]


async def test_about_whom_nothing_is_stored_there_is_nothing_to_download() -> None:
    with pytest.raises(NotFound):
        await CollectOwnDocuments(Claims(), Documents())(OWNER)
