"""Messages, views and idempotency keys on Cosmos DB, through the real SDK, against the local Cosmos DB."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.adapters.reservations import CosmosReservations
from shared.domain.customer_view import CustomerView, view_of
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.idempotency import Reservation, digest
from shared.domain.identifiers import new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.resources import CUSTOMERS, KAKAOS
from tests.integration.adapters.cosmos_stores import Stores, empty_stores, new_customer, new_id
from tests.unit.fakes import YEON
from tools.play.emulators import Emulators


@pytest.fixture
async def stores(emulators: Emulators) -> AsyncIterator[Stores]:
    async with empty_stores(emulators) as stores:
        yield stores


def message_of(kind: MessageKind) -> KakaoMessage:
    request = KakaoMessageRequest.from_record(YEON, customer_id=new_id(), kind=kind)
    return KakaoMessage.sent(request, Receipt(provider="p", receipt_id="r", status="accepted"), utc_now())


async def test_messages_are_paged_newest_first(stores: Stores) -> None:
    messages = [message_of(MessageKind.REGISTERED) for _ in range(3)]
    for message in messages:
        await stores.messages.add(message)

    first = await stores.messages.page(2, None)
    second = await stores.messages.page(2, first.next_position)
    assert [*first.items, *second.items] == messages[::-1]
    assert await stores.messages.get(messages[0].message_id) == messages[0]


async def test_a_message_that_the_sdk_repeats_is_a_success_and_another_one_with_its_id_is_not(stores: Stores) -> None:
    message = message_of(MessageKind.REGISTERED)
    await stores.messages.add(message)

    await stores.messages.add(message)

    with pytest.raises(AlreadyExists):
        await stores.messages.add(message.model_copy(update={"sent_at": message.sent_at + timedelta(seconds=1)}))
    assert await stores.messages.get(message.message_id) == message


async def test_a_view_is_replaced_only_if_it_has_not_changed(stores: Stores) -> None:
    customer = new_customer()
    registered = CustomerEvent.registered(new_uuid7(), customer)
    view = view_of(registered)
    assert view
    await stores.views.add(view)
    stored = await stores.views.find(customer.customer_id)
    later = view.moved_to(view_of(CustomerEvent.canceled(new_uuid7(), customer, utc_now())))
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
    wanted = [Reservation.of(YEON, new_id()) for _ in range(8)]

    got = await asyncio.gather(*(stores.reservations.reserve("key", reservation) for reservation in wanted))

    assert len({reservation.resource_id for reservation in got}) == 1
    assert sorted(reservation.repeated for reservation in got) == [False] + [True] * 7


async def ttl_of(stores: Stores, key: str) -> int:
    document_id = f"idempotency-key.{digest(key)}"
    async with stores.database.container(CUSTOMERS, "read_item") as container:
        document = await container.read_item(document_id, partition_key=document_id)
    return int(document["ttl"])


async def test_a_key_that_is_repeated_keeps_its_lifetime_until_it_is_prolonged(stores: Stores) -> None:
    own = Reservation.of(YEON, new_id())
    await stores.reservations.reserve("key", own, timedelta(hours=1))

    await stores.reservations.reserve("key", own, timedelta(hours=2))
    assert await ttl_of(stores, "key") == 3600

    await stores.reservations.prolong(digest("key"), own.resource_id, timedelta(hours=3))
    assert await ttl_of(stores, "key") == 3 * 3600


async def test_only_the_key_of_the_same_customer_is_prolonged(stores: Stores) -> None:
    await stores.reservations.reserve("key", Reservation.of(YEON, new_id()), timedelta(hours=1))

    await stores.reservations.prolong(digest("key"), new_id(), timedelta(hours=3))
    await stores.reservations.prolong(digest("unknown"), new_id(), timedelta(hours=3))

    assert await ttl_of(stores, "key") == 3600


async def test_the_same_key_in_another_container_is_another_key(stores: Stores) -> None:
    elsewhere = CosmosReservations(stores.database, KAKAOS, stores.settings)

    for reservations in (stores.reservations, elsewhere):
        assert not (await reservations.reserve("key", Reservation.of(YEON, new_id()))).repeated
