import pytest

from shared.adapters.kakao_providers import PROVIDERS
from shared.domain.kakao_message import AlimTalk, MessageKind, message_id
from shared.settings import KakaoProviderName, Settings
from tests.unit.fakes import CUSTOMER_ID


def test_every_provider_that_can_be_configured_exists() -> None:
    assert set(PROVIDERS) == set(KakaoProviderName)


@pytest.mark.parametrize("name", KakaoProviderName)
async def test_a_receipt_names_its_provider(name: KakaoProviderName) -> None:
    provider = PROVIDERS[name](Settings.model_construct())
    message = AlimTalk(
        message_id=message_id(CUSTOMER_ID, MessageKind.NOTICE),
        recipient=CUSTOMER_ID,
        template_code="ssak8-notice",
        variables={"customerName": "yeon", "customerAddress": "incheon"},
    )

    assert (await provider.send(message)).provider == name
