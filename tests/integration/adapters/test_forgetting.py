"""What is forgotten, through the real SDK, against the local Cosmos DB."""

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from shared.adapters.database_clock import CosmosClock
from shared.adapters.marks import CosmosMarks
from shared.domain.claim import Claim
from shared.domain.customer import Customer
from shared.domain.customer_view import CustomerView
from shared.domain.errors import PreconditionFailed
from shared.domain.events import CustomerEvent
from shared.domain.identifiers import CustomerId, first_uuid7, new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from shared.use_cases.forgetting_strangers import UNKNOWN_AFTER, ForgetStrangers
from shared.use_cases.marks import Mark
from shared.use_cases.projecting import MoveView
from tests.integration.adapters.forgetting_world import DAY, OWNER, SECONDS, World, empty_world
from tests.unit.fakes import WITH_PHONE
from tools.play.emulators import Emulators


@pytest.fixture
async def world(emulators: Emulators) -> AsyncIterator[World]:
    async with empty_world(emulators) as world:
        yield world


def message_to(customer: Customer, kind: MessageKind, sent_at: datetime) -> KakaoMessage:
    request = KakaoMessageRequest.from_record(customer, kind=kind)
    receipt = Receipt(provider="sandbox", receipt_id="r", status="sandboxed", text="yeon님")
    return KakaoMessage.sent(request, receipt, sent_at)


async def test_messages_are_stripped_once_and_live_no_longer_for_that(world: World) -> None:
    customer, other = await world.registered(), await world.registered()
    then = utc_now() - 2 * DAY
    sent = [message_to(customer, MessageKind.REGISTERED, then), message_to(customer, MessageKind.NOTICE, then)]
    untouched = message_to(other, MessageKind.REGISTERED, then)
    for message in (*sent, untouched):
        await world.messages.add(message)
    await world.container(KAKAOS).patch_item(
        sent[0].message_id, customer.customer_id, [{"op": "set", "path": "/ofALaterVersion", "value": "yeon"}]
    )

    await world.messages.forget(customer.customer_id)
    before = await world.documents(KAKAOS, customer.customer_id)
    await world.messages.forget(customer.customer_id)

    assert await world.documents(KAKAOS, customer.customer_id) == before  # with their etags
    assert all(
        "yeon" not in str(document) and str(WITH_PHONE.customer_phone) not in str(document) for document in before
    )
    assert [await world.messages.get(each.message_id) for each in sent] == [each.forgotten() for each in sent]
    lifetime = world.settings.kakao_message_ttl_seconds - 2 * DAY.total_seconds()
    assert all(lifetime - 60 < document["ttl"] <= lifetime for document in before)
    assert await world.messages.get(untouched.message_id) == untouched
    assert {each.message_id for each in (await world.messages.page(10, None)).items} == {
        each.message_id for each in (*sent, untouched)
    }


async def test_who_was_told_and_never_registered_is_forgotten_and_nobody_else(world: World) -> None:
    customer = await world.registered()
    told = [Customer.register(CustomerId(new_uuid7()), WITH_PHONE, utc_now()) for _ in range(3)]
    old, recent = utc_now() - UNKNOWN_AFTER - SECONDS, utc_now() - UNKNOWN_AFTER + SECONDS
    sent = [
        message_to(customer, MessageKind.REGISTERED, old),
        message_to(told[0], MessageKind.REGISTERED, old + timedelta(seconds=1)),
        message_to(told[1], MessageKind.REGISTERED, recent),
        message_to(told[2], MessageKind.NOTICE, old + timedelta(seconds=2)),
    ]
    for message in sent:
        await world.messages.add(message)
    marks = CosmosMarks(world.database, KAKAOS, "strangers")
    clock = CosmosClock(world.database, KAKAOS)
    forget = ForgetStrangers(world.messages, world.customers, marks, clock, time.monotonic)

    await forget()
    await forget()

    stored = [await world.messages.get(message.message_id) for message in sent]
    assert stored == [sent[0], sent[1].forgotten(), sent[2], sent[3]]
    assert [message.message_id for message in (await world.messages.page(10, None)).items] == [
        message.message_id for message in sorted(sent, key=lambda message: message.sent_at, reverse=True)
    ]


async def test_a_message_that_comes_after_it_was_stripped_changes_nothing(world: World) -> None:
    customer = await world.registered()
    message = message_to(customer, MessageKind.REGISTERED, utc_now())
    await world.messages.add(message)
    await world.messages.forget(customer.customer_id)

    with pytest.raises(Exception, match="exists"):
        await world.messages.add(message)

    assert await world.messages.get(message.message_id) == message.forgotten()


async def test_cancellations_are_found_in_order_and_hold_nothing_personal(world: World) -> None:
    customers = [await world.registered() for _ in range(3)]
    events = [await world.cancel(customer) for customer in customers]
    before = first_uuid7(utc_now() + DAY)

    first = await world.cancellations.page("", before, 2)
    rest = await world.cancellations.page(first.last_id or "", before, 2)

    found = [*first.cancellations, *rest.cancellations]
    assert [each.event_id for each in found] == [event.id for event in events]
    assert (first.is_last, rest.is_last) == (False, True)
    assert all(each.claim_id for each in found)
    assert (await world.cancellations.page("", events[0].id, 2)).last_id is None
    assert await world.cancellations.find(customers[0].customer_id) == found[0]
    assert await world.cancellations.find(CustomerId("somebody")) is None
    [document] = [
        each for each in await world.documents(CUSTOMERS, customers[0].customer_id) if each["type"] == "cancellation"
    ]
    assert "yeon" not in str(document)
    assert OWNER not in str(document)


async def test_an_unreadable_cancellation_holds_nothing_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    event = await world.cancel(await world.registered())
    broken = {"id": "cancellation", "customerId": "x", "type": "cancellation", "cancellation": new_uuid7()}
    await world.container(CUSTOMERS).create_item(broken)

    page = await world.cancellations.page("", first_uuid7(utc_now() + DAY), 10)

    assert [each.event_id for each in page.cancellations] == [event.id]
    assert page.last_id == broken["cancellation"]
    assert "is unreadable" in caplog.text


async def test_a_claim_is_removed_by_its_id_and_forgotten_by_the_cancellation(world: World) -> None:
    customer = await world.registered()
    stored = await world.claims.add(OWNER, Claim(registration_id=customer.customer_id, held_until=utc_now()))
    await world.cancel(customer)
    cancellation = await world.cancellations.find(customer.customer_id)
    assert cancellation
    assert cancellation.claim_id

    found = await world.ended_claims.find(cancellation.claim_id)
    assert found == stored
    [listed] = await world.ended_claims.page("", "owner.g", 10)
    assert (listed.claim_id, listed.stored) == (cancellation.claim_id, stored)
    newer = await world.claims.replace(OWNER, stored, stored.claim)
    await world.ended_claims.remove(cancellation.claim_id, stored)
    assert await world.claims.read(OWNER) == newer
    await world.ended_claims.remove(cancellation.claim_id, newer)
    assert await world.claims.read(OWNER) is None
    for _ in range(2):
        await world.cancellations.forget_claim(customer.customer_id)

    forgotten = await world.cancellations.find(customer.customer_id)
    assert forgotten == cancellation.model_copy(update={"claim_id": None})


async def test_a_mark_is_moved_by_its_etag_and_is_in_no_list_of_views(world: World) -> None:
    marks = CosmosMarks(world.database, CUSTOMER_VIEWS, "mark-of-forgetting")
    await world.views.add(CustomerView.of(await world.registered()))

    first = await marks.move(await marks.read(), "1")
    second = await marks.move(first, "2")

    assert await marks.read() == second
    for outdated in (first, Mark()):
        with pytest.raises(PreconditionFailed):
            await marks.move(outdated, "3")
    page = await world.views.page(10, None)
    assert len(page.items) == 1
    assert len((await world.views.page(10, "~")).items) == 1


async def test_the_clock_is_that_of_the_database(world: World) -> None:
    assert abs(await CosmosClock(world.database, CUSTOMERS).now() - utc_now()) < SECONDS


@pytest.mark.parametrize("is_live", [True, False])
async def test_an_event_is_stored_anew_in_one_step_for_a_customer_only(world: World, is_live: bool) -> None:
    customer = await world.registered()
    [event] = await world.events(customer)
    if not is_live:
        await world.cancel(customer)

    assert await world.outbox.renew(event) is is_live

    events = await world.events(customer)
    assert (event.id in {each.id for each in events}) == (not is_live)
    if is_live:
        [renewed] = events
        assert renewed.id > event.id
        assert renewed.expires_at > event.expires_at
        assert CustomerEvent.model_validate(renewed.event).id == event.event["id"]
        # Again, of the document that is gone: as after an answer that was lost.
        assert not await world.outbox.renew(event)
        assert len(await world.events(customer)) == 1


async def test_a_cancelled_view_is_stripped_also_if_it_was_stored_whole_and_lives_no_longer_for_that(
    world: World,
) -> None:
    customer = await world.registered()
    then = utc_now() - 3 * DAY
    whole = CustomerView.of(customer).model_copy(update={"status": "CANCELED", "version": 2, "canceled_at": then})
    await world.views.add(whole)
    event = await world.cancel(customer)
    cancellation = await world.cancellations.find(customer.customer_id)
    assert cancellation
    assert cancellation.event_id == event.id

    await MoveView(world.views)(CustomerView.canceled(cancellation))

    [document] = await world.documents(CUSTOMER_VIEWS, customer.customer_id)
    assert "yeon" not in str(document)
    assert OWNER not in str(document)
    lifetime = world.settings.canceled_view_ttl_seconds - 3 * DAY.total_seconds()
    assert lifetime - 60 < document["ttl"] <= lifetime
