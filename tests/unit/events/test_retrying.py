import pytest

from shared.domain.customer import Customer
from shared.domain.errors import KakaoRefused, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.events.retrying import RetryWhileUnavailable
from tests.unit.fakes import CUSTOMER_ID, START, YEON

EVENT = CustomerEvent.registered("event 1", Customer.register(CUSTOMER_ID, YEON, START))


class Handler:
    """Fails for some attempts, then succeeds."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.attempts = 0
        self._error = error
        self._failures = failures

    async def __call__(self, event: CustomerEvent) -> None:
        assert event is EVENT
        self.attempts += 1
        if self.attempts <= self._failures:
            raise self._error


async def test_an_event_is_handled_again_while_a_service_is_unavailable() -> None:
    handler = Handler(StoreUnavailable("down", 1), failures=2)

    await RetryWhileUnavailable(handler, timeout_seconds=10)(EVENT)

    assert handler.attempts == 3


async def test_an_outage_that_lasts_fails_the_delivery() -> None:
    handler = Handler(StoreUnavailable("down", 1), failures=1000)

    with pytest.raises(StoreUnavailable):
        await RetryWhileUnavailable(handler, timeout_seconds=0.3)(EVENT)

    assert handler.attempts > 1


async def test_an_error_that_will_last_is_not_retried() -> None:
    handler = Handler(KakaoRefused("no"), failures=1000)

    with pytest.raises(KakaoRefused):
        await RetryWhileUnavailable(handler, timeout_seconds=10)(EVENT)

    assert handler.attempts == 1
