"""What is forgotten, through the real SDKs, against the local Cosmos DB and Service Bus."""

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.cancellations import CosmosCancellations
from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.database_clock import CosmosClock
from shared.adapters.ended_claims import CosmosEndedClaims
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.kept_messages import SET_ASIDE, SET_ASIDE_DEAD_LETTERS, ServiceBusKeptMessages, dead_letters_of
from shared.adapters.marks import CosmosMarks
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.adapters.swept_outbox import CosmosSweptOutbox
from shared.domain.callers import Owner
from shared.domain.claim import Claim
from shared.domain.customer import Customer, Signature
from shared.domain.customer_view import CustomerView
from shared.domain.errors import PreconditionFailed, PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import FORGET_AFTER, KEPT_FOR, UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId, first_uuid7, new_uuid7, utc_now
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt
from shared.domain.outbox import OutboxEvent
from shared.domain.registration import Registration
from shared.resources import (
    CUSTOMER_VIEWS,
    CUSTOMERS,
    DATABASE,
    EVENTS_SET_ASIDE,
    KAKAO_ALERT,
    KAKAOS,
    TOPIC,
    VIEW_UPDATER,
)
from shared.settings import Settings
from shared.use_cases.forgetting_strangers import UNKNOWN_AFTER, ForgetStrangers
from shared.use_cases.marks import Mark
from shared.use_cases.projecting import MoveView
from shared.use_cases.removing_expired import ExpiredMessage
from shared.use_cases.setting_aside import UnhandledMessage
from tests.integration.adapters.items import delete_all_items
from tests.integration.adapters.subscriptions import empty_subscriptions
from tests.unit.fakes import WITH_PHONE
from tools.play.emulators import Emulators

OWNER = Owner("kakao:4711")
DAY = timedelta(days=1)
SECONDS = timedelta(minutes=1)
"""What a test may take."""


@dataclass
class World:
    settings: Settings
    client: CosmosClient

    def __post_init__(self) -> None:
        self.database = CosmosDatabase(self.settings)
        self.customers = CosmosCustomers(self.database, self.settings)
        self.messages = CosmosKakaoMessages(self.database, self.settings)
        self.views = CosmosCustomerViews(self.database, self.settings)
        self.registrations = CosmosRegistrations(self.database, self.settings)
        self.cancellations = CosmosCancellations(self.database)
        self.claims = CosmosClaims(self.database, self.settings)
        self.ended_claims = CosmosEndedClaims(self.database)
        self.outbox = CosmosSweptOutbox(self.database, self.settings)

    def container(self, name: str) -> ContainerProxy:
        return self.client.get_database_client(DATABASE).get_container_client(name)

    async def documents(self, container: str, customer_id: CustomerId) -> list[dict[str, Any]]:
        items = self.container(container).query_items("SELECT * FROM c", partition_key=customer_id)
        return [item async for item in items]

    async def registered(self) -> Customer:
        customer = Customer.register(CustomerId(new_uuid7()), WITH_PHONE, utc_now(), Signature(OWNER))
        await self.customers.add(customer, CustomerEvent.registered(new_uuid7(), customer), keep_answer=True)
        return customer

    async def cancel(self, customer: Customer) -> CustomerEvent:
        stored = await self.customers.find(customer.customer_id)
        assert stored
        event = CustomerEvent.canceled(new_uuid7(), customer, utc_now())
        await self.customers.remove(stored, event)
        return event

    async def events(self, customer: Customer) -> list[OutboxEvent]:
        documents = await self.documents(CUSTOMERS, customer.customer_id)
        return [event for document in documents if (event := OutboxEvent.read(document))]


@pytest.fixture
async def world(emulators: Emulators) -> AsyncIterator[World]:
    """An empty database, and an empty Service Bus."""
    settings = Settings.model_validate(
        {
            "cosmos_connection": emulators.cosmos,
            "service_bus_connection": emulators.service_bus,
            "service_bus_timeout_seconds": 3,
            "kakao_api_url": "http://127.0.0.1:1",
            "owner_key": "k" * 32,
        }
    )
    await empty_subscriptions(emulators)
    async with ServiceBusClient.from_connection_string(emulators.service_bus) as bus:
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        for place in (SET_ASIDE_DEAD_LETTERS, dead_letters_of(VIEW_UPDATER), SET_ASIDE):
            async with place.receiver(bus) as peeking:
                left = bool(await peeking.peek_messages(1, sequence_number=1))
            if left and place is SET_ASIDE:
                async with bus.get_queue_receiver(EVENTS_SET_ASIDE, receive_mode=mode) as receiver:
                    await receiver.receive_messages(1000, max_wait_time=0.5)
    async with CosmosClient.from_connection_string(emulators.cosmos) as client:
        await delete_all_items(client)
        world = World(settings, client)
        yield world
        await world.database.close()


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


@dataclass
class Kept:
    """Dead letters of view-updater."""

    world: World
    bus: ServiceBusClient

    async def add(self, body: bytes, reason: str, correlation_id: str | None = None) -> None:
        async with self.bus.get_topic_sender(TOPIC) as topic:
            await topic.send_messages(ServiceBusMessage(body, message_id=new_uuid7(), correlation_id=correlation_id))
        async with self.bus.get_subscription_receiver(TOPIC, VIEW_UPDATER) as receiver:
            for message in await receiver.receive_messages(1, max_wait_time=5):
                await receiver.dead_letter_message(message, reason=reason)

    async def remove_expired(self, ahead: timedelta = timedelta(), source: str = VIEW_UPDATER) -> list[ExpiredMessage]:
        """With the clock of Azure so much ahead of that of the apps."""
        removed: list[ExpiredMessage] = []

        async def remember(message: ExpiredMessage) -> None:
            removed.append(message)

        kept = ServiceBusKeptMessages(self.world.settings, dead_letters_of(source))
        assert await kept.remove_expired(utc_now() + ahead, remember) == len(removed)
        return removed

    async def left(self) -> int:
        async with dead_letters_of(VIEW_UPDATER).receiver(self.bus) as receiver:
            return len(await receiver.peek_messages(100, sequence_number=1))


@pytest.fixture
async def kept(world: World, emulators: Emulators) -> AsyncIterator[Kept]:
    async with ServiceBusClient.from_connection_string(emulators.service_bus) as bus:
        kept = Kept(world, bus)
        await kept.remove_expired(timedelta(days=3650))
        yield kept


def event_of(age: timedelta) -> CustomerEvent:
    then = utc_now() - age
    return CustomerEvent.registered(new_uuid7(), Customer.register(CustomerId(new_uuid7()), WITH_PHONE, then))


def body_of(event: CustomerEvent) -> bytes:
    return event.model_dump_json(by_alias=True).encode()


async def test_only_dead_letters_that_have_expired_are_removed_and_each_says_what_it_was(kept: Kept) -> None:
    current, old, expired = event_of(timedelta()), event_of(UNHANDLED_AFTER), event_of(DAY)
    await kept.add(body_of(current), "test")
    await kept.add(body_of(old), "test")
    await kept.add(body_of(expired), "TTLExpiredException")
    await kept.add(b'{"customerName": "yeon"}', "TTLExpiredException", correlation_id=current.subject)
    await kept.add(b'{"customerName": "yeon"}', "test")

    removed = await kept.remove_expired()

    assert {message.customer_id for message in removed} == {old.subject, expired.subject, current.subject}
    assert len(removed) == 3
    assert f"CustomerRegistered {old.id}, version 1" in removed[0].description
    assert "yeon" not in str(removed)
    assert await kept.left() == 2
    # These are as they were: whoever sends them again finds them.
    assert await kept.remove_expired() == []
    assert len(await kept.remove_expired(UNHANDLED_AFTER)) == 2
    assert await kept.left() == 0


async def test_what_could_not_be_settled_stays_and_is_removed_next_time(kept: Kept) -> None:
    await kept.add(body_of(event_of(UNHANDLED_AFTER)), "test")

    async def fail(_: ExpiredMessage) -> None:
        raise PublisherUnavailable("x", 1)

    with pytest.raises(PublisherUnavailable):
        await ServiceBusKeptMessages(kept.world.settings, dead_letters_of(VIEW_UPDATER)).remove_expired(utc_now(), fail)

    assert await kept.left() == 1


async def test_without_service_bus_the_next_run_goes_on(kept: Kept, emulators: Emulators) -> None:
    await emulators.stop("service_bus")
    started = time.monotonic()
    try:
        with pytest.raises(PublisherUnavailable):
            await kept.remove_expired(source=KAKAO_ALERT)
    finally:
        await emulators.start("service_bus")
    assert time.monotonic() - started < 30


async def test_what_was_put_aside_becomes_a_dead_letter_when_it_expires_and_is_removed_there(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    event = event_of(UNHANDLED_AFTER - timedelta(seconds=2))
    aside = ServiceBusMessagesSetAside(kept.world.settings)
    removed: list[ExpiredMessage] = []

    async def remember(message: ExpiredMessage) -> None:
        removed.append(message)

    await aside.put(
        UnhandledMessage(
            body=body_of(event),
            message_id=new_uuid7(),
            content_type=None,
            subject=None,
            correlation_id=None,
            notes={},
            expires_at=event.expires_at,
        )
    )
    await aside.close()
    deadline = time.monotonic() + 20
    while not removed and time.monotonic() < deadline:
        for place in (SET_ASIDE, SET_ASIDE_DEAD_LETTERS):
            await ServiceBusKeptMessages(kept.world.settings, place).remove_expired(utc_now(), remember)

    assert [message.customer_id for message in removed] == [event.subject]
