import asyncio
import dataclasses

import pytest

from shared.domain.customer import Customer, CustomerDetails
from shared.domain.errors import AlreadyExists, IdempotencyKeyReused, KakaoRefused, KakaoUnavailable, StoreUnavailable
from shared.domain.events import CustomerEvent
from shared.domain.registration import Registration
from shared.use_cases.cancelling import CancelRegistration
from shared.use_cases.deadline import LONGEST_PAUSE, Deadline
from shared.use_cases.looking_up import LookUpRegistration
from shared.use_cases.postponing import Answer, PostponeRegistration, RegistrationRequest
from shared.use_cases.registering import RegisterCustomer
from shared.use_cases.registrations import GRACE_FOR_STORING
from shared.use_cases.withdrawing import KeepKey, WithdrawRegistration
from tests.unit.fake_registrations import FakeCustomers, FakeRegistrations, FakeReservations, claiming
from tests.unit.fakes import LIFETIMES, START, YEON, FakeKakao, FakeMetrics, Ticks
from tests.virtual_time import run_virtually, virtual_loop

SECONDS = 2


class Registering:
    """The use case with its fakes."""

    def __init__(self) -> None:
        ticks = Ticks()
        self.kakao = FakeKakao()
        self.customers = FakeCustomers()
        self.reservations = FakeReservations()
        self.metrics = FakeMetrics()
        registrations = FakeRegistrations(self.customers)
        self.postpone = PostponeRegistration(
            registrations, self.reservations, claiming(registrations), LIFETIMES, ticks.now, ticks.new_id, self.metrics
        )
        self.use_case = RegisterCustomer(
            self.kakao, self.customers, self.postpone, ticks.now, ticks.new_id, self.metrics
        )
        self.cancel = CancelRegistration(
            self.customers,
            WithdrawRegistration(
                registrations,
                LookUpRegistration(registrations, self.customers),
                KeepKey(self.reservations, LIFETIMES),
                ticks.now,
                self.metrics.count_ended,
            ),
            ticks.now,
            ticks.new_id,
            self.metrics.count_cancellation,
        )

    async def register(self, details: CustomerDetails, idempotency_key: str | None = None) -> Customer:
        answer = await self.use_case(RegistrationRequest(details, idempotency_key), Deadline.after(SECONDS))
        assert isinstance(answer, Customer)
        return answer

    async def register_or_postpone(self, idempotency_key: str | None = None) -> Answer:
        request = RegistrationRequest(YEON, idempotency_key, may_be_postponed=True)
        return await self.use_case(request, Deadline.after(SECONDS))


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
            self.store(Registration.answered(Customer.register(customer.customer_id, YEON, START)))
            raise AlreadyExists

    faster = FasterRequest()
    postpone = dataclasses.replace(registering.postpone, registrations=FakeRegistrations(faster))
    registering.use_case = dataclasses.replace(registering.use_case, registrations=faster, postpone=postpone)

    assert (await registering.register(YEON, "key")).registered_at == START
    assert registering.metrics.registrations == 0


async def test_a_refused_key_is_counted_as_a_refusal(registering: Registering) -> None:
    await registering.register(YEON, "key")

    with pytest.raises(IdempotencyKeyReused):
        await registering.register(YEON.model_copy(update={"customer_age": 21}), "key")

    assert registering.metrics.refusals == ["IdempotencyKeyReused"]


class Storing(Registering):
    """Registers while the database is away, in virtual time."""

    def __init__(self, away_until: float, *, answers_are_lost: bool = False) -> None:
        super().__init__()
        self.customers.away_until = away_until
        self.customers.answers_are_lost = answers_are_lost
        self.took = 0.0

    async def try_to_register(self, key: str | None) -> Customer | Exception:
        try:
            return await self.register(YEON, key)
        except StoreUnavailable as error:
            return error
        finally:
            self.took = virtual_loop().time()


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("answers_are_lost", [False, True])
def test_whoever_was_notified_is_stored_once_although_the_database_was_away_for_a_moment(
    key: str | None, *, answers_are_lost: bool
) -> None:
    storing = Storing(0.2, answers_are_lost=answers_are_lost)

    customer = run_virtually(storing.try_to_register(key))

    assert storing.kakao.notified == [customer]
    assert list(storing.customers.customers.values()) == [customer]
    assert len(storing.customers.outbox) == 1
    assert storing.metrics.registrations == 1
    assert 0.2 <= storing.took < 0.5


def test_a_database_that_stays_away_is_tried_until_the_deadline_and_not_longer() -> None:
    storing = Storing(10)

    assert isinstance(run_virtually(storing.try_to_register(None)), StoreUnavailable)

    assert SECONDS - LONGEST_PAUSE <= storing.took <= SECONDS
    assert storing.metrics.refusals == ["StoreUnavailable"]


def test_a_write_that_has_begun_may_end_a_little_after_the_deadline() -> None:
    class Slow(FakeCustomers):
        async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
            await asyncio.sleep(SECONDS + GRACE_FOR_STORING / 2)
            await super().add(customer, event, keep_answer=keep_answer)

    storing = Storing(0)
    storing.use_case = dataclasses.replace(storing.use_case, registrations=Slow())

    assert isinstance(run_virtually(storing.try_to_register(None)), Customer)


def test_a_write_that_hangs_is_given_up() -> None:
    class Hanging(FakeCustomers):
        async def add(self, customer: Customer, event: CustomerEvent, *, keep_answer: bool) -> None:
            await asyncio.sleep(60)

    storing = Storing(0)
    storing.use_case = dataclasses.replace(storing.use_case, registrations=Hanging())

    assert isinstance(run_virtually(storing.try_to_register(None)), StoreUnavailable)
    assert storing.took == SECONDS + GRACE_FOR_STORING


def test_a_request_that_is_cancelled_while_the_database_is_away_stores_nothing_later() -> None:
    async def cancel() -> Storing:
        storing = Storing(1)
        registering = asyncio.create_task(storing.register(YEON))
        await asyncio.sleep(0.5)
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)
        assert registering.cancelled()
        await asyncio.sleep(10)
        return storing

    assert run_virtually(cancel()).customers.customers == {}


def test_while_the_database_is_away_the_faster_of_two_requests_with_one_key_is_the_answer_of_both() -> None:
    async def register_twice() -> tuple[Storing, tuple[Customer, Customer]]:
        storing = Storing(0.2)
        return storing, await asyncio.gather(storing.register(YEON, "key"), storing.register(YEON, "key"))

    storing, (first, second) = run_virtually(register_twice())

    assert first == second
    assert list(storing.customers.customers.values()) == [first]
    assert len(storing.customers.outbox) == 1
