import pytest

from shared.domain.customer import CustomerDetails
from shared.domain.errors import AlreadyExists, IdempotencyKeyReused, KakaoRefused, KakaoUnavailable
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.registering import RegisterCustomer
from tests.unit.fakes import YEON, FakeCustomers, FakeKakao, FakeReservations, Ticks


class House:
    """The use case with fakes around it."""

    def __init__(self) -> None:
        ticks = Ticks()
        self.kakao = FakeKakao()
        self.customers = FakeCustomers()
        self.reservations = FakeReservations()
        self.register = RegisterCustomer(self.kakao, self.customers, self.reservations, ticks.now, ticks.new_id)
        self.cancel = CancelRegistration(self.customers, ticks.now, ticks.new_id)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_customer_is_told_and_stored_together_with_the_event(house: House) -> None:
    customer = await house.register(YEON)

    assert house.kakao.told == [customer]
    assert house.customers.customers == {customer.customer_id: customer}
    assert [event.type for event in house.customers.outbox] == ["CustomerRegistered"]
    assert house.reservations.reservations == {}


@pytest.mark.parametrize("failure", [KakaoUnavailable("timeout", 2), KakaoRefused("no")])
async def test_a_customer_whom_kakao_did_not_take_is_not_stored(
    house: House, failure: KakaoUnavailable | KakaoRefused
) -> None:
    house.kakao.failure = failure

    with pytest.raises(type(failure)):
        await house.register(YEON)

    assert house.customers == FakeCustomers()


async def test_the_same_key_and_request_give_the_first_answer_and_tell_nobody_again(house: House) -> None:
    first = await house.register(YEON, "key")
    second = await house.register(YEON, "key")

    assert second == first
    assert len(house.kakao.told) == 1
    assert len(house.customers.outbox) == 1


async def test_the_first_answer_is_given_even_after_the_customer_cancelled(house: House) -> None:
    first = await house.register(YEON, "key")
    await house.cancel(first.customer_id)

    assert await house.register(YEON, "key") == first
    assert house.customers.customers == {}


async def test_the_same_key_with_another_request_is_refused(house: House) -> None:
    await house.register(YEON, "key")

    with pytest.raises(IdempotencyKeyReused):
        await house.register(YEON.model_copy(update={"customer_age": 21}), "key")

    assert len(house.customers.customers) == 1


async def test_a_key_whose_first_try_failed_goes_on_with_the_same_customer_id(house: House) -> None:
    house.kakao.failure = KakaoUnavailable("timeout", 2)
    with pytest.raises(KakaoUnavailable):
        await house.register(YEON, "key")
    house.kakao.failure = None

    customer = await house.register(YEON, "key")

    assert customer.customer_id == house.reservations.reservations["key"].resource_id


async def test_without_a_key_two_equal_requests_are_two_customers(house: House) -> None:
    first, second = await house.register(YEON), await house.register(YEON)

    assert first.customer_id != second.customer_id


async def test_a_write_that_was_repeated_below_is_a_success(house: House) -> None:
    class RepeatingStore(FakeCustomers):
        async def add(self, *arguments: object, **options: object) -> None:
            raise AlreadyExists

    register = RegisterCustomer(house.kakao, RepeatingStore(), house.reservations, Ticks().now, Ticks().new_id)

    customer = await register(CustomerDetails(customer_name="a", customer_address="b", customer_age=1))

    assert customer.customer_name == "a"
