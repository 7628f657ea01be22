import pytest

from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.domain.errors import ProviderRefused
from shared.domain.kakao_message import AlimTalk, MessageKind, message_id
from shared.settings import Settings
from tests.unit.fakes import CUSTOMER_ID

MESSAGE_ID = message_id(CUSTOMER_ID, MessageKind.REGISTERED)
MESSAGE = AlimTalk(
    message_id=MESSAGE_ID,
    recipient=CUSTOMER_ID,
    template_code="ssak8-registered",
    variables={"customerName": "홍길동", "customerAddress": "인천"},
)


def new_provider() -> SandboxProvider:
    return SandboxProvider(Settings.model_construct())


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
        await provider.send(MESSAGE.model_copy(update={"recipient": "2"}))

    assert refused.value.reason == "message_id_reused"
