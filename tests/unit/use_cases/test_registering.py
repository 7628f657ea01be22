import dataclasses

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import AlreadyExists, IdempotencyKeyReused, KakaoRefused, KakaoUnavailable
from shared.domain.events import CustomerEvent
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.registering import RegisterCustomer
from tests.unit.fakes import CUSTOMER_ID, START, YEON, FakeCustomers, FakeKakao, FakeMetrics, FakeReservations, Ticks

FASTER = Customer.register(CUSTOMER_ID, YEON, START)


class Registering:
    """The use case with its fakes."""

    def __init__(self) -> None:
        ticks = Ticks()
        self.kakao = FakeKakao()
        self.customers = FakeCustomers()
        self.reservations = FakeReservations()
        self.metrics = FakeMetrics()
        self.register = RegisterCustomer(
            self.kakao, self.customers, self.reservations, ticks.now, ticks.new_id, self.metrics
        )
        self.cancel = CancelRegistration(self.customers, ticks.now, ticks.new_id, self.metrics.count_cancellation)


@pytest.fixture
def registering() -> Registering:
    return Registering()


async def test_a_customer_is_notified_and_stored_together_with_the_event(registering: Registering) -> None:
    customer = await registering.register(YEON)

    assert registering.kakao.notified == [customer]
    assert registering.customers.customers == {customer.customer_id: customer}
    assert [event.type for event in registering.customers.outbox] == ["CustomerRegistered"]
    assert registering.reservations.reservations == {}
    assert (registering.metrics.registrations, registering.metrics.kakao_calls) == (1, ["success"])
    assert registering.metrics.refusals == []


@pytest.mark.parametrize("failure", [KakaoUnavailable("timeout", 2), KakaoRefused("no")])
async def test_a_customer_who_could_not_be_notified_is_not_stored(
    registering: Registering, failure: KakaoUnavailable | KakaoRefused
) -> None:
    registering.kakao.failure = failure

    with pytest.raises(type(failure)):
        await registering.register(YEON)

    assert registering.customers == FakeCustomers()
    reason = type(failure).__name__
    assert registering.metrics == FakeMetrics(refusals=[reason], kakao_calls=[reason])


async def test_the_same_key_and_request_get_the_first_answer_and_notify_nobody_again(registering: Registering) -> None:
    first = await registering.register(YEON, "key")
    second = await registering.register(YEON, "key")

    assert second == first
    assert len(registering.kakao.notified) == 1
    assert len(registering.customers.outbox) == 1
    assert registering.metrics.registrations == 1


async def test_the_first_answer_is_repeated_even_after_the_customer_cancelled(registering: Registering) -> None:
    first = await registering.register(YEON, "key")
    await registering.cancel(first.customer_id)

    assert await registering.register(YEON, "key") == first
    assert registering.customers.customers == {}


async def test_the_same_key_with_another_request_is_refused(registering: Registering) -> None:
    await registering.register(YEON, "key")

    with pytest.raises(IdempotencyKeyReused):
        await registering.register(YEON.model_copy(update={"customer_age": 21}), "key")

    assert len(registering.customers.customers) == 1


async def test_a_key_whose_first_attempt_failed_keeps_its_customer_id(registering: Registering) -> None:
    registering.kakao.failure = KakaoUnavailable("timeout", 2)
    with pytest.raises(KakaoUnavailable):
        await registering.register(YEON, "key")
    registering.kakao.failure = None

    customer = await registering.register(YEON, "key")

    assert customer.customer_id == registering.reservations.reservations["key"].resource_id


async def test_without_a_key_two_equal_requests_are_two_customers(registering: Registering) -> None:
    first, second = await registering.register(YEON), await registering.register(YEON)

    assert first.customer_id != second.customer_id


async def test_of_two_requests_with_one_key_at_once_the_slower_gets_the_answer_of_the_faster(
    registering: Registering,
) -> None:
    class FasterRequest(FakeCustomers):
        async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
            self.answers[customer.customer_id] = FASTER
            raise AlreadyExists

    registering.register = dataclasses.replace(registering.register, registrations=FasterRequest())

    assert await registering.register(YEON, "key") == FASTER
    assert registering.metrics.registrations == 0


async def test_a_refused_key_is_counted_as_a_refusal(registering: Registering) -> None:
    await registering.register(YEON, "key")

    with pytest.raises(IdempotencyKeyReused):
        await registering.register(YEON.model_copy(update={"customer_age": 21}), "key")

    assert registering.metrics.refusals == ["IdempotencyKeyReused"]
