"""Putting messages aside and sending them again, with the real SDK and the local Service Bus."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.domain.customer import Customer
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.resources import EVENTS_SET_ASIDE, KAKAO_ALERT, TOPIC, VIEW_UPDATER
from shared.use_cases.setting_aside import UnhandledMessage
from tests.integration.adapters.subscriptions import drained, empty_subscriptions, settings_for
from tests.unit.fakes import YEON
from tools.delivery.redrive import SOURCES, Redrive
from tools.play.emulators import Emulators

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def event(age: timedelta = timedelta()) -> CustomerEvent:
    then = utc_now() - age
    return CustomerEvent.canceled(new_uuid7(), Customer.register(CustomerId(new_uuid7()), YEON, then), then)


def body_of(an_event: CustomerEvent) -> bytes:
    return an_event.model_dump_json(by_alias=True).encode()


def unhandled(body: bytes, number: int, left: timedelta = UNHANDLED_AFTER) -> UnhandledMessage:
    return UnhandledMessage(
        body=body,
        message_id=f"{VIEW_UPDATER}-{number}",
        content_type="application/cloudevents+json",
        subject="CustomerRegisterCanceled",
        correlation_id="customer 1",
        expires_at=utc_now() + left,
        notes={
            "subscription": VIEW_UPDATER,
            "reason": "ValueError at x.py:1",
            "deliveryCount": 1,
            "traceparent": TRACEPARENT,
        },
    )


def set_aside_on(connection_string: str) -> ServiceBusMessagesSetAside:
    return ServiceBusMessagesSetAside(settings_for(connection_string))


@pytest.fixture
async def client(emulators: Emulators) -> AsyncIterator[ServiceBusClient]:
    """The Service Bus, without what other tests left."""
    await empty_subscriptions(emulators)
    async with ServiceBusClient.from_connection_string(emulators.service_bus) as client:
        async with client.get_queue_receiver(
            EVENTS_SET_ASIDE, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
        ) as receiver:
            while await receiver.receive_messages(100, max_wait_time=0.1):
                pass
        yield client


@pytest.fixture
async def aside(emulators: Emulators) -> AsyncIterator[ServiceBusMessagesSetAside]:
    aside = set_aside_on(emulators.service_bus)
    yield aside
    await aside.close()


async def redriven(
    client: ServiceBusClient, *, source: str = EVENTS_SET_ASIDE, send: bool = False, discard: bool = False
) -> int:
    """What is left of the messages of a source."""
    [chosen] = [each for each in SOURCES if each.name == source]
    async with chosen.receiver(client) as receiver:
        return await Redrive(client, send, discard).run(source, receiver)


async def test_a_message_is_put_aside_as_it_came_with_the_reason(
    client: ServiceBusClient, aside: ServiceBusMessagesSetAside
) -> None:
    body = b"\xff not text"

    await aside.put(unhandled(body, 7))

    async with client.get_queue_receiver(EVENTS_SET_ASIDE) as receiver:
        [message] = await receiver.peek_messages(10, sequence_number=1)
    assert b"".join(message.body) == body
    assert (message.message_id, message.subject, message.correlation_id, message.content_type) == (
        "view-updater-7",
        "CustomerRegisterCanceled",
        "customer 1",
        "application/cloudevents+json",
    )
    assert message.application_properties == {
        b"subscription": b"view-updater",
        b"reason": b"ValueError at x.py:1",
        b"deliveryCount": 1,
        b"traceparent": TRACEPARENT.encode(),
    }
    assert message.expires_at_utc is not None
    assert message.enqueued_time_utc is not None
    assert (message.expires_at_utc - message.enqueued_time_utc).days == 4


async def test_a_message_that_comes_again_lies_there_once(
    client: ServiceBusClient, aside: ServiceBusMessagesSetAside
) -> None:
    for _ in range(2):
        await aside.put(unhandled(b"poison", 8))

    async with client.get_queue_receiver(EVENTS_SET_ASIDE) as receiver:
        assert len(await receiver.peek_messages(10, sequence_number=1)) == 1


async def test_nothing_is_put_aside_while_service_bus_is_down(
    emulators: Emulators, client: ServiceBusClient, aside: ServiceBusMessagesSetAside
) -> None:
    await emulators.stop("service_bus")
    try:
        with pytest.raises(PublisherUnavailable):
            await aside.put(unhandled(b"poison", 9))
    finally:
        await emulators.start("service_bus")

    await aside.put(unhandled(b"poison", 9))


async def test_without_an_option_everything_is_shown_but_no_content_and_nothing_changes(
    client: ServiceBusClient, aside: ServiceBusMessagesSetAside, capsys: pytest.CaptureFixture[str]
) -> None:
    an_event = event()
    await aside.put(unhandled(body_of(an_event), 10))
    await aside.put(unhandled(b"yeon is no event", 11))

    assert await redriven(client) == 2

    shown = capsys.readouterr().out
    assert f"CustomerRegisterCanceled {an_event.id}: ValueError at x.py:1" in shown
    assert "not a customer event: ValueError" in shown
    assert "yeon" not in shown
    assert await redriven(client) == 2


async def test_an_event_that_was_put_aside_goes_to_every_subscription_although_its_id_is_known(
    emulators: Emulators, client: ServiceBusClient, aside: ServiceBusMessagesSetAside
) -> None:
    an_event = event()
    async with client.get_topic_sender(TOPIC) as topic:
        await topic.send_messages(ServiceBusMessage("", message_id=an_event.id))
    await empty_subscriptions(emulators)
    await aside.put(unhandled(body_of(an_event), 12))
    await aside.put(unhandled(b"poison", 13))

    assert await redriven(client, send=True) == 1

    for subscription in (VIEW_UPDATER, KAKAO_ALERT):
        [message] = await drained(emulators, subscription)
        assert json.loads(b"".join(message.body)) == json.loads(body_of(an_event))
        assert (message.subject, message.correlation_id) == (an_event.type, an_event.subject)
        assert message.application_properties == {b"traceparent": TRACEPARENT.encode()}
    assert await redriven(client, discard=True) == 0
    assert await redriven(client) == 0


async def test_what_is_put_aside_lives_no_longer_for_that(
    client: ServiceBusClient, aside: ServiceBusMessagesSetAside
) -> None:
    await aside.put(unhandled(b"poison", 14, timedelta(hours=3)))

    async with client.get_queue_receiver(EVENTS_SET_ASIDE) as receiver:
        [message] = await receiver.peek_messages(10, sequence_number=1)
    assert message.time_to_live is not None
    assert timedelta() <= timedelta(hours=3) - message.time_to_live < timedelta(minutes=1)


async def test_what_is_sent_again_expires_when_it_would_have_and_what_has_expired_is_not_sent(
    emulators: Emulators,
    client: ServiceBusClient,
    aside: ServiceBusMessagesSetAside,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expired, current = event(UNHANDLED_AFTER), event(UNHANDLED_AFTER - timedelta(hours=1))
    await empty_subscriptions(emulators)
    for number, each in enumerate((expired, current), 15):
        await aside.put(unhandled(body_of(each), number, timedelta(hours=1)))

    assert await redriven(client, send=True) == 1

    [message] = await drained(emulators, VIEW_UPDATER)
    assert json.loads(b"".join(message.body))["id"] == current.id
    assert message.time_to_live is not None
    assert timedelta() <= timedelta(hours=1) - message.time_to_live < timedelta(minutes=1)
    assert f"{expired.id} (expired)" in capsys.readouterr().out


async def test_dead_letters_are_sent_again_too(emulators: Emulators, client: ServiceBusClient) -> None:
    an_event = event()
    async with client.get_topic_sender(TOPIC) as topic:
        await topic.send_messages(ServiceBusMessage(body_of(an_event), message_id=an_event.id))
    async with client.get_subscription_receiver(TOPIC, VIEW_UPDATER) as receiver:
        for message in await receiver.receive_messages(1, max_wait_time=5):
            await receiver.dead_letter_message(message, reason="test")

    dead_letters = f"{VIEW_UPDATER}/dead-letters"
    assert await redriven(client, source=dead_letters, send=True) == 0

    assert len(await drained(emulators, VIEW_UPDATER)) == 1
    assert await redriven(client, source=dead_letters) == 0
