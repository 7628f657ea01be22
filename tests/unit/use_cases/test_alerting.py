import pytest

from shared.domain.customer import Customer
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.kakao_message import MessageKind, message_id
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
    assert provider.sent[MESSAGE_ID].recipient == messages.messages[MESSAGE_ID].customer_phone == "01023456789"
    assert metrics.events == [CANCELED.time]


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
