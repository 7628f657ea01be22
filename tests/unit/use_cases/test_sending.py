import pytest

from shared.domain.errors import IdempotencyKeyReused, MessageAlreadySent, ProviderRefused, ProviderUnavailable
from shared.domain.kakao_message import KakaoMessageDraft, MessageKind
from shared.use_cases.sending import SendKakao
from tests.unit.fakes import FakeMessages, FakeProvider, FakeReservations, Ticks

CUSTOMER_ID = "0189ee3e-0000-7000-8000-000000000000"
OWN_KEY = f"{CUSTOMER_ID}.registered"
DRAFT = KakaoMessageDraft(
    customer_id=CUSTOMER_ID,
    kind=MessageKind.REGISTERED,
    customer_name="yeon",
    customer_address="incheon",
    customer_age=20,
)


class House:
    """The use case with fakes around it."""

    def __init__(self) -> None:
        self.provider = FakeProvider()
        self.messages = FakeMessages()
        self.reservations = FakeReservations()
        ticks = Ticks()
        self.send = SendKakao(self.provider, self.messages, self.reservations, ticks.now, ticks.new_id)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_message_is_sent_and_kept_with_its_receipt(house: House) -> None:
    message = await house.send(DRAFT)

    assert message.receipt == f"receipt of {OWN_KEY}"
    assert house.messages.messages == {OWN_KEY: message}
    assert list(house.provider.sent) == [OWN_KEY]


@pytest.mark.parametrize("key", [OWN_KEY, "any other key"])
async def test_the_same_key_gives_the_first_message(house: House, key: str) -> None:
    first = await house.send(DRAFT, key)
    second = await house.send(DRAFT, key)

    assert second == first
    assert len(house.provider.sent) == 1


@pytest.mark.parametrize("key", [OWN_KEY, "any other key"])
async def test_the_same_key_with_another_request_is_refused(house: House, key: str) -> None:
    await house.send(DRAFT, key)

    with pytest.raises(IdempotencyKeyReused):
        await house.send(DRAFT.model_copy(update={"customer_name": "another"}), key)


async def test_a_second_message_of_a_kind_is_refused_without_the_key_of_the_first(house: House) -> None:
    await house.send(DRAFT)

    with pytest.raises(MessageAlreadySent):
        await house.send(DRAFT)


async def test_a_message_to_nobody_yet_registered_gets_an_id_that_its_key_keeps(house: House) -> None:
    draft = KakaoMessageDraft(customer_name="yeon", customer_address="incheon", customer_age=20)

    first = await house.send(draft, "key")

    assert await house.send(draft, "key") == first
    assert (await house.send(draft)).customer_id != first.customer_id


@pytest.mark.parametrize("failure", [ProviderUnavailable("x", 1), ProviderRefused("fake", "recipient_blocked", "x")])
async def test_what_the_provider_does_not_take_is_not_kept(
    house: House, failure: ProviderUnavailable | ProviderRefused
) -> None:
    house.provider.failure = failure

    with pytest.raises(type(failure)):
        await house.send(DRAFT)

    assert house.messages.messages == {}
