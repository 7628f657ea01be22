"""What is removed from Service Bus once it has expired, through the real SDK, against the local Service Bus."""

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.kept_messages import SET_ASIDE, SET_ASIDE_DEAD_LETTERS, ServiceBusKeptMessages, dead_letters_of
from shared.adapters.set_aside import ServiceBusMessagesSetAside
from shared.domain.customer import Customer
from shared.domain.errors import PublisherUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.identifiers import CustomerId, new_uuid7, utc_now
from shared.resources import KAKAO_ALERT, TOPIC, VIEW_UPDATER
from shared.use_cases.removing_expired import ExpiredMessage
from shared.use_cases.setting_aside import UnhandledMessage
from tests.integration.adapters.forgetting_world import DAY, World, empty_world
from tests.unit.fakes import WITH_PHONE
from tools.play.emulators import Emulators


@pytest.fixture
async def world(emulators: Emulators) -> AsyncIterator[World]:
    async with empty_world(emulators) as world:
        yield world


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
