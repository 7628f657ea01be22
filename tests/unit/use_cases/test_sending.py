import asyncio

import pytest

from shared.domain.cancellation import Cancellation
from shared.domain.errors import (
    IdempotencyKeyReused,
    MessageAlreadySent,
    ProviderBusy,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from shared.domain.kakao_message import KakaoMessage, KakaoMessageDraft, KakaoMessageRequest, MessageKind, message_id
from shared.use_cases.deadline import Deadline
from shared.use_cases.retry_share import RetryShare
from shared.use_cases.sending import GRACE_FOR_STORING, SendKakao, WasSent
from tests.unit.fake_registrations import FakeReservations
from tests.unit.fakes import CUSTOMER_ID, START, FakeCancellations, FakeMessages, FakeProvider, Ticks
from tests.virtual_time import run_virtually, virtual_loop

OWN_KEY = message_id(CUSTOMER_ID, MessageKind.REGISTERED)
DRAFT = KakaoMessageDraft(
    customer_id=CUSTOMER_ID,
    kind=MessageKind.REGISTERED,
    customer_name="yeon",
    customer_address="incheon",
    customer_age=20,
)


class Sending:
    """The use case with its fakes."""

    def __init__(self) -> None:
        self.provider = FakeProvider()
        self.messages = FakeMessages()
        self.reservations = FakeReservations()
        ticks = Ticks()
        retries = RetryShare(lambda: asyncio.get_running_loop().time())
        self.cancellations = FakeCancellations()
        self.use_case = SendKakao(
            self.provider, retries, self.messages, self.cancellations, self.reservations, ticks.now, ticks.new_id
        )

    async def send(
        self,
        draft: KakaoMessageDraft,
        idempotency_key: str | None = None,
        seconds: float = 2,
        *,
        is_retry: bool = False,
    ) -> KakaoMessage:
        return await self.use_case(draft, Deadline.after(seconds), idempotency_key, is_retry=is_retry)


@pytest.fixture
async def sending() -> Sending:
    return Sending()


async def test_a_message_is_sent_and_kept_with_its_receipt(sending: Sending) -> None:
    message = await sending.send(DRAFT)

    assert message.receipt == f"receipt of {OWN_KEY}"
    assert sending.messages.messages == {OWN_KEY: message}
    assert list(sending.provider.sent) == [OWN_KEY]
    assert sending.provider.sent[OWN_KEY].recipient is None


async def test_a_message_goes_to_the_number_of_the_customer(sending: Sending) -> None:
    message = await sending.send(DRAFT.model_copy(update={"customer_phone": "01023456789"}))

    assert sending.provider.sent[OWN_KEY].recipient == message.customer_phone == "01023456789"


@pytest.mark.parametrize("key", [OWN_KEY, "any other key"])
async def test_the_same_key_gets_the_first_message(sending: Sending, key: str) -> None:
    first = await sending.send(DRAFT, key)
    second = await sending.send(DRAFT, key)

    assert second == first
    assert len(sending.provider.sent) == 1


@pytest.mark.parametrize("key", [OWN_KEY, "any other key"])
async def test_the_same_key_with_another_request_is_refused(sending: Sending, key: str) -> None:
    await sending.send(DRAFT, key)

    with pytest.raises(IdempotencyKeyReused):
        await sending.send(DRAFT.model_copy(update={"customer_name": "another"}), key)


async def test_a_second_message_of_a_kind_is_refused_without_the_key_of_the_first(sending: Sending) -> None:
    await sending.send(DRAFT)

    with pytest.raises(MessageAlreadySent):
        await sending.send(DRAFT)


async def test_a_message_to_somebody_not_registered_gets_an_id_that_its_key_keeps(sending: Sending) -> None:
    draft = KakaoMessageDraft(customer_name="yeon", customer_address="incheon", customer_age=20)

    first = await sending.send(draft, "key")

    assert await sending.send(draft, "key") == first
    assert (await sending.send(draft)).customer_id != first.customer_id


@pytest.mark.parametrize(
    "failure",
    [ProviderUnavailable("x", 1), ProviderBusy("x", 1), ProviderRefused("fake", "recipient_blocked", "x")],
)
async def test_a_message_that_the_provider_does_not_accept_is_not_kept(
    sending: Sending, failure: ProviderUnavailable | ProviderRefused
) -> None:
    sending.provider.failure = failure

    with pytest.raises(type(failure)):
        await sending.send(DRAFT)

    assert sending.messages.messages == {}


async def test_once_the_caller_has_given_up_nothing_is_sent_and_he_learns_that(sending: Sending) -> None:
    with pytest.raises(ProviderBusy):
        await sending.send(DRAFT, OWN_KEY, seconds=0)

    assert (sending.provider.sent, sending.messages.messages) == ({}, {})


def test_a_message_that_was_sent_is_stored_once_the_database_is_back_in_time() -> None:
    async def send() -> tuple[Sending, float]:
        sending = Sending()
        sending.messages.away_until = 0.2
        await sending.send(DRAFT, OWN_KEY)
        return sending, virtual_loop().time()

    sending, took = run_virtually(send())

    assert list(sending.messages.messages) == list(sending.provider.sent) == [OWN_KEY]
    assert 0.2 <= took < 0.5


def test_a_provider_that_is_slower_than_the_caller_waits_is_given_up_then_and_nothing_is_stored() -> None:
    async def send() -> tuple[Sending, float]:
        sending = Sending()
        sending.provider.seconds = 3
        with pytest.raises(ProviderUnavailable) as failure:
            await sending.send(DRAFT, OWN_KEY)
        assert not isinstance(failure.value, ProviderBusy)  # nobody knows what the provider did
        took = virtual_loop().time()
        await asyncio.sleep(10)
        return sending, took

    sending, took = run_virtually(send())

    assert (sending.provider.sent, sending.messages.messages) == ({}, {})
    assert took == 2


def test_what_was_sent_is_stored_even_if_the_caller_has_given_up_meanwhile() -> None:
    async def send() -> tuple[Sending, float]:
        sending = Sending()
        sending.provider.seconds = 1.9
        sending.messages.away_until = 2 + GRACE_FOR_STORING - 1
        await sending.send(DRAFT, OWN_KEY)
        return sending, virtual_loop().time()

    sending, took = run_virtually(send())

    assert list(sending.messages.messages) == list(sending.provider.sent) == [OWN_KEY]
    assert 2 < took < 2 + GRACE_FOR_STORING


def test_storing_ends_some_seconds_after_the_caller_has_given_up() -> None:
    async def send() -> tuple[Sending, float]:
        sending = Sending()
        sending.messages.away_until = 2 + GRACE_FOR_STORING + 1
        with pytest.raises(StoreUnavailable):
            await sending.send(DRAFT, OWN_KEY)
        took = virtual_loop().time()
        await asyncio.sleep(10)
        return sending, took

    sending, took = run_virtually(send())

    assert sending.messages.messages == {}
    assert took <= 2 + GRACE_FOR_STORING


def test_a_retry_waits_while_new_messages_are_turned_away() -> None:
    async def send() -> Sending:
        sending = Sending()
        sending.provider.failure = ProviderBusy("x", 1)
        with pytest.raises(ProviderBusy):
            await sending.send(DRAFT)
        sending.provider.failure = None
        with pytest.raises(ProviderBusy, match="share"):
            await sending.send(DRAFT, OWN_KEY, is_retry=True)
        assert sending.provider.sent == {}
        await sending.send(DRAFT, OWN_KEY)
        return sending

    assert list(run_virtually(send()).provider.sent) == [OWN_KEY]


def test_whether_a_message_was_sent_is_known_even_if_the_answer_of_the_provider_was_lost() -> None:
    async def ask() -> tuple[bool, bool, bool]:
        sending = Sending()
        was_sent = WasSent(sending.provider, sending.messages)
        before = await was_sent(OWN_KEY, Deadline.after(2))
        await sending.send(DRAFT, OWN_KEY)
        sending.provider.sent.clear()
        stored = await was_sent(OWN_KEY, Deadline.after(2))
        sending.messages.messages.clear()
        await sending.provider.send(KakaoMessageRequest.from_record(DRAFT, customer_id=CUSTOMER_ID).to_alimtalk())
        lost = await was_sent(OWN_KEY, Deadline.after(2))
        return before, stored, lost

    assert run_virtually(ask()) == (False, True, True)


def test_a_provider_that_does_not_say_whether_it_has_sent_a_message_leaves_that_open() -> None:
    async def ask() -> None:
        sending = Sending()
        sending.provider.seconds = 3
        with pytest.raises(ProviderUnavailable):
            await WasSent(sending.provider, sending.messages)(OWN_KEY, Deadline.after(2))

    run_virtually(ask())


CANCELLATION = Cancellation(customer_id=CUSTOMER_ID, event_id="event 2", version=2, canceled_at=START)
NOTICE = DRAFT.model_copy(update={"kind": MessageKind.NOTICE})


@pytest.mark.parametrize(("draft", "is_retry"), [(NOTICE, False), (DRAFT, True)])
async def test_a_message_that_comes_after_the_cancellation_is_kept_without_what_is_about_the_person(
    sending: Sending, draft: KakaoMessageDraft, is_retry: bool
) -> None:
    sending.cancellations.cancellations[CUSTOMER_ID] = CANCELLATION

    message = await sending.send(draft, is_retry=is_retry)

    assert message.is_forgotten
    assert list(sending.messages.messages.values()) == [message]


def test_a_message_that_is_stored_after_its_deadline_may_come_after_the_cancellation() -> None:
    async def send() -> KakaoMessage:
        sending = Sending()
        sending.cancellations.cancellations[CUSTOMER_ID] = CANCELLATION
        sending.messages.away_until = 2 + GRACE_FOR_STORING - 1
        return await sending.send(DRAFT)

    assert run_virtually(send()).is_forgotten


async def test_whether_a_customer_has_cancelled_is_not_asked_for_a_message_in_time(sending: Sending) -> None:
    sending.cancellations.failure = StoreUnavailable("away", 1)

    assert not (await sending.send(DRAFT)).is_forgotten
    assert not (await sending.send(NOTICE.model_copy(update={"customer_id": None}))).is_forgotten
    assert sending.cancellations.reads == 0


def test_a_message_of_which_that_cannot_be_known_is_not_stored() -> None:
    async def send() -> Sending:
        sending = Sending()
        sending.cancellations.failure = StoreUnavailable("away", 1)
        with pytest.raises(StoreUnavailable):
            await sending.send(NOTICE)
        return sending

    assert run_virtually(send()).messages.messages == {}


@pytest.mark.parametrize("key", [OWN_KEY, "any other key"])
async def test_the_same_key_gets_what_is_left_of_a_message_that_was_forgotten(sending: Sending, key: str) -> None:
    first = await sending.send(DRAFT, key)
    await sending.messages.forget(CUSTOMER_ID)

    second = await sending.send(DRAFT, key)

    assert second == first.forgotten()
    assert len(sending.provider.sent) == 1
