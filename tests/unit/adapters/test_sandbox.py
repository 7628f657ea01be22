import pytest

from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.domain.errors import ProviderRefused
from shared.domain.kakao_message import AlimTalk

MESSAGE = AlimTalk(
    message_id="1.registered",
    recipient="1",
    template_code="ssak8-registered",
    variables={"customerName": "홍길동", "customerAddress": "인천"},
)


async def test_it_renders_the_template_and_does_not_claim_to_have_sent_it() -> None:
    receipt = await SandboxProvider().send(MESSAGE)

    assert receipt.status == "sandboxed"
    assert receipt.text == "[싹8] 홍길동님, 청소 서비스 고객으로 등록되었습니다.\n주소: 인천"


async def test_the_same_message_gets_the_same_receipt_on_every_instance() -> None:
    provider = SandboxProvider()

    assert await provider.send(MESSAGE) == await provider.send(MESSAGE) == await SandboxProvider().send(MESSAGE)


async def test_braces_in_a_name_are_only_text() -> None:
    message = MESSAGE.model_copy(update={"variables": {"customerName": "{0.__class__}", "customerAddress": "{x}"}})

    assert "{0.__class__}" in str((await SandboxProvider().send(message)).text)


async def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(ProviderRefused) as refused:
        await SandboxProvider().send(MESSAGE.model_copy(update={"template_code": "no-such"}))

    assert refused.value.reason == "unknown_template"


async def test_a_message_id_cannot_be_used_for_another_message() -> None:
    provider = SandboxProvider()
    await provider.send(MESSAGE)

    with pytest.raises(ProviderRefused) as refused:
        await provider.send(MESSAGE.model_copy(update={"recipient": "2"}))

    assert refused.value.reason == "message_id_reused"
