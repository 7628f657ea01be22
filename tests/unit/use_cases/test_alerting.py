import pytest

from shared.domain.customer import Customer
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.events import CustomerEvent
from shared.use_cases.alerting import AlertCancellation
from tests.unit.fakes import START, YEON, FakeMessages, FakeProvider, Ticks

CUSTOMER = Customer.register("0189ee3e-0000-7000-8000-000000000000", YEON, START)
CANCELED = CustomerEvent.canceled("event 2", CUSTOMER, START)
MESSAGE_ID = f"{CUSTOMER.customer_id}.canceled"


async def test_however_often_the_event_comes_there_is_one_alert() -> None:
    provider, messages = FakeProvider(), FakeMessages()
    alert = AlertCancellation(provider, messages, Ticks().now)

    for _ in range(3):
        await alert(CANCELED)

    assert list(provider.sent) == [MESSAGE_ID]
    assert list(messages.messages) == [MESSAGE_ID]
    assert messages.messages[MESSAGE_ID].kind == "canceled"


async def test_an_alert_that_the_provider_cannot_take_now_must_come_again() -> None:
    messages = FakeMessages()

    with pytest.raises(ProviderUnavailable):
        await AlertCancellation(FakeProvider(ProviderUnavailable("x", 1)), messages, Ticks().now)(CANCELED)

    assert messages.messages == {}


async def test_an_alert_that_the_provider_never_takes_is_kept_as_refused() -> None:
    messages = FakeMessages()
    provider = FakeProvider(ProviderRefused("fake", "recipient_blocked", "x"))

    await AlertCancellation(provider, messages, Ticks().now)(CANCELED)

    assert (messages.messages[MESSAGE_ID].status, messages.messages[MESSAGE_ID].receipt) == (
        "refused",
        "recipient_blocked",
    )
