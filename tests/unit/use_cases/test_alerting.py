from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.forgetting import UNHANDLED_AFTER
from shared.domain.kakao_message import KakaoMessage, KakaoMessageRequest, MessageKind, Receipt, message_id
from shared.use_cases.alerting import AlertCancellation
from tests.unit.fakes import CUSTOMER_ID, START, WITH_PHONE, YEON, FakeMessages, FakeMetrics, FakeProvider, Ticks

CUSTOMER = Customer.register(CUSTOMER_ID, WITH_PHONE, START)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)
MESSAGE_ID = message_id(CUSTOMER_ID, MessageKind.CANCELED)


async def test_however_often_the_event_comes_there_is_one_alert() -> None:
    provider, messages = FakeProvider(), FakeMessages()
    metrics = FakeMetrics()
    alert = AlertCancellation(provider, messages, Ticks().now, metrics.record_age)

    for _ in range(3):
        await alert(CANCELED)

    assert list(provider.sent) == [MESSAGE_ID]
    assert list(messages.messages) == [MESSAGE_ID]
    assert messages.messages[MESSAGE_ID].kind == "canceled"
    assert provider.sent[MESSAGE_ID].recipient == "01023456789"
    assert metrics.events == [CANCELED.time]


async def test_the_customer_is_forgotten_whatever_becomes_of_the_alert() -> None:
    for failure in (None, ProviderUnavailable("x", 1), ProviderRefused("fake", "recipient_blocked", "x")):
        messages = FakeMessages()
        await messages.add(sent_at_registration())

        with suppress(ProviderUnavailable):
            await AlertCancellation(FakeProvider(failure), messages, Ticks().now, FakeMetrics().record_age)(CANCELED)

        assert all(message.is_forgotten for message in messages.messages.values())
        kept = sent_at_registration()
        first = messages.messages[kept.message_id]
        assert (first.kind, first.status, first.receipt, first.sent_at) == ("registered", "accepted", "r", START)


@pytest.mark.parametrize(("age", "sent"), [(UNHANDLED_AFTER - timedelta(minutes=1), 1), (UNHANDLED_AFTER, 0)])
async def test_nobody_is_messaged_by_an_alert_that_has_expired(age: timedelta, sent: int) -> None:
    provider, messages = FakeProvider(), FakeMessages()
    await messages.add(sent_at_registration())

    await AlertCancellation(provider, messages, lambda: START + age, FakeMetrics().record_age)(CANCELED)

    assert len(provider.sent) == sent
    assert len(messages.messages) == 1 + sent
    assert all(message.is_forgotten for message in messages.messages.values())


def sent_at_registration() -> KakaoMessage:
    request = KakaoMessageRequest.from_record(CUSTOMER, kind=MessageKind.REGISTERED)
    return KakaoMessage.sent(request, Receipt(provider="fake", receipt_id="r", status="accepted", text="yeon님"), START)


async def test_an_alert_fails_while_the_provider_is_unavailable() -> None:
    messages, metrics = FakeMessages(), FakeMetrics()
    provider = FakeProvider(ProviderUnavailable("x", 1))

    with pytest.raises(ProviderUnavailable):
        await AlertCancellation(provider, messages, Ticks().now, metrics.record_age)(CANCELED)

    assert messages.messages == {}
    assert metrics.events == []


async def test_an_alert_that_the_provider_refuses_is_kept_as_refused() -> None:
    messages = FakeMessages()
    provider = FakeProvider(ProviderRefused("fake", "recipient_blocked", "x"))

    await AlertCancellation(provider, messages, Ticks().now, FakeMetrics().record_age)(CANCELED)

    assert (messages.messages[MESSAGE_ID].status, messages.messages[MESSAGE_ID].receipt) == (
        "refused",
        "recipient_blocked",
    )


async def test_an_event_from_before_customers_had_phone_numbers_is_alerted_without_one() -> None:
    provider = FakeProvider()
    event = CustomerEvent.canceled("event 2", Customer.register(CUSTOMER_ID, YEON, START), START)

    await AlertCancellation(provider, FakeMessages(), Ticks().now, FakeMetrics().record_age)(event)

    assert provider.sent[MESSAGE_ID].recipient is None
