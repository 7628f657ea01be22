import pytest

from shared.adapters.kakao_providers import PROVIDERS
from shared.domain.errors import ProviderRefused
from shared.domain.kakao_message import AlimTalk, MessageKind, message_id
from shared.settings import KakaoProviderName, Settings
from tests.unit.fakes import CUSTOMER_ID

MESSAGE = AlimTalk(
    message_id=message_id(CUSTOMER_ID, MessageKind.NOTICE),
    recipient="01023456789",
    template_code="ssak8-notice",
    variables={"customerName": "yeon", "customerAddress": "incheon"},
)


def test_every_provider_that_can_be_configured_exists() -> None:
    assert set(PROVIDERS) == set(KakaoProviderName)


@pytest.mark.parametrize("name", KakaoProviderName)
async def test_a_receipt_names_its_provider(name: KakaoProviderName) -> None:
    provider = PROVIDERS[name](Settings.model_construct())

    assert (await provider.send(MESSAGE)).provider == name


@pytest.mark.parametrize("name", KakaoProviderName)
async def test_a_message_without_a_number_is_refused_exactly_by_the_providers_that_need_it(
    name: KakaoProviderName,
) -> None:
    provider = PROVIDERS[name](Settings.model_construct())
    message = MESSAGE.model_copy(update={"recipient": None})

    if PROVIDERS[name].needs_phone_number:
        with pytest.raises(ProviderRefused) as refused:
            await provider.send(message)
        assert refused.value.reason == "recipient_unknown"
    else:
        assert (await provider.send(message)).provider == name
