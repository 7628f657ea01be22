import asyncio
import random
import statistics

import pytest

from shared.adapters.kakao_providers.sandbox import BURST_SECONDS, SandboxProvider
from shared.domain.errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from shared.domain.kakao_message import AlimTalk, MessageKind, message_id
from shared.domain.sandbox import SandboxBehaviour
from shared.settings import Settings
from tests.unit.fakes import CUSTOMER_ID
from tests.virtual_time import run_virtually, virtual_loop

MESSAGE_ID = message_id(CUSTOMER_ID, MessageKind.REGISTERED)
MESSAGE = AlimTalk(
    message_id=MESSAGE_ID,
    recipient="01023456789",
    template_code="ssak8-registered",
    variables={"customerName": "홍길동", "customerAddress": "인천"},
)


ANOTHER = MESSAGE.model_copy(update={"recipient": "2"})
"""With the id of MESSAGE: it is refused once MESSAGE was sent."""


def new_provider(**behaviour: float) -> SandboxProvider:
    provider = SandboxProvider(Settings.model_construct(), random.Random(1))  # noqa: S311
    provider.behave(SandboxBehaviour.model_validate(behaviour))
    return provider


async def outcomes(provider: SandboxProvider, messages: int) -> list[str]:
    """How each of them ended: sent, or the name of the error."""
    ends = await asyncio.gather(*(provider.send(MESSAGE) for _ in range(messages)), return_exceptions=True)
    return [type(end).__name__ if isinstance(end, BaseException) else "sent" for end in ends]


async def test_it_renders_the_template_and_does_not_claim_to_have_sent_it() -> None:
    receipt = await new_provider().send(MESSAGE)

    assert receipt.status == "sandboxed"
    assert receipt.text == "[싹8] 홍길동님, 청소 서비스 고객으로 등록되었습니다.\n주소: 인천"


async def test_the_same_message_gets_the_same_receipt_on_every_instance() -> None:
    provider = new_provider()

    assert await provider.send(MESSAGE) == await provider.send(MESSAGE) == await new_provider().send(MESSAGE)


async def test_braces_in_a_name_are_only_text() -> None:
    message = MESSAGE.model_copy(update={"variables": {"customerName": "{0.__class__}", "customerAddress": "{x}"}})

    assert "{0.__class__}" in str((await new_provider().send(message)).text)


async def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(ProviderRefused) as refused:
        await new_provider().send(MESSAGE.model_copy(update={"template_code": "no-such"}))

    assert refused.value.reason == "unknown_template"


async def test_a_message_id_cannot_be_used_for_another_message() -> None:
    provider = new_provider()
    await provider.send(MESSAGE)

    with pytest.raises(ProviderRefused) as refused:
        await provider.send(MESSAGE.model_copy(update={"recipient": "01099999999"}))

    assert refused.value.reason == "message_id_reused"


@pytest.mark.parametrize("capacity", [0.5, 5, 50])
def test_what_goes_beyond_its_capacity_is_turned_away_at_once(capacity: float) -> None:
    async def send_one(provider: SandboxProvider) -> tuple[str, float]:
        before = virtual_loop().time()
        [end] = await outcomes(provider, 1)
        return end, virtual_loop().time() - before

    async def send() -> tuple[list[tuple[str, float]], float]:
        provider = new_provider(capacity=capacity, latency_median_seconds=1)
        sending = []
        for _ in range(400):
            sending.append(asyncio.create_task(send_one(provider)))
            await asyncio.sleep(0.1 / capacity)  # ten times as many as it takes
        took = virtual_loop().time()
        return await asyncio.gather(*sending), took

    ends, took = run_virtually(send())

    assert {(end, round(seconds, 6)) for end, seconds in ends} == {("sent", 1), ("ProviderBusy", 0)}
    sent = sum(end == "sent" for end, _ in ends)
    assert sent == pytest.approx(capacity * took + max(1, capacity * BURST_SECONDS), abs=2)


def test_it_says_when_it_takes_the_next_message() -> None:
    async def send() -> float:
        provider = new_provider(capacity=0.5)
        await provider.send(MESSAGE)
        with pytest.raises(ProviderBusy) as busy:
            await provider.send(MESSAGE)
        await asyncio.sleep(busy.value.retry_after)
        await provider.send(MESSAGE)
        return busy.value.retry_after

    assert run_virtually(send()) == pytest.approx(2)


def test_its_latency_has_the_median_and_the_p99_that_were_asked_for() -> None:
    async def send() -> list[float]:
        provider = new_provider(latency_median_seconds=0.05, latency_p99_seconds=0.4)
        took = []
        for _ in range(20_000):
            before = virtual_loop().time()
            await provider.send(MESSAGE)
            took.append(virtual_loop().time() - before)
        return took

    took = run_virtually(send())

    assert statistics.median(took) == pytest.approx(0.05, rel=0.05)
    assert statistics.quantiles(took, n=100)[98] == pytest.approx(0.4, rel=0.1)


async def test_as_many_fail_as_were_asked_for() -> None:
    ends = await outcomes(new_provider(failure_rate=0.2), 2_000)

    assert ends.count("ProviderUnavailable") == pytest.approx(400, abs=60)
    assert ends.count("sent") == 2_000 - ends.count("ProviderUnavailable")


@pytest.mark.parametrize("behaviour", [{"failure_rate": 1}, {"outage": True}])
async def test_what_fails_was_not_sent(behaviour: dict[str, float]) -> None:
    provider = new_provider(**behaviour)

    with pytest.raises(ProviderUnavailable):
        await provider.send(MESSAGE)

    provider.behave(SandboxBehaviour())
    assert await provider.send(ANOTHER)


async def test_a_message_whose_answer_is_lost_was_sent() -> None:
    provider = new_provider(lost_answer_rate=1)

    with pytest.raises(ProviderUnavailable):
        await provider.send(MESSAGE)

    provider.behave(SandboxBehaviour())
    assert await provider.was_sent(MESSAGE_ID)
    with pytest.raises(ProviderRefused):
        await provider.send(ANOTHER)


async def test_it_says_what_it_has_sent_but_not_during_an_outage() -> None:
    provider = new_provider()
    assert not await provider.was_sent(MESSAGE_ID)
    await provider.send(MESSAGE)
    assert await provider.was_sent(MESSAGE_ID)

    provider.behave(SandboxBehaviour(outage=True))

    with pytest.raises(ProviderUnavailable):
        await provider.was_sent(MESSAGE_ID)


def test_a_message_that_is_cancelled_was_not_sent() -> None:
    async def send() -> None:
        provider = new_provider(latency_median_seconds=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.9):
                await provider.send(MESSAGE)
        await asyncio.sleep(10)

        assert await provider.send(ANOTHER)

    run_virtually(send())
