"""Who delivers a message to a phone: one module for each provider, listed here under its name in KAKAO_PROVIDER."""

from collections.abc import Mapping
from typing import Final, Protocol

from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.settings import KakaoProviderName, Settings
from shared.use_cases.sending import KakaoProvider


class ProviderClass(Protocol):
    """A class of providers. `needs_phone_number`: it sends to a phone, so every customer must have a number."""

    @property
    def needs_phone_number(self) -> bool: ...

    def __call__(self, settings: Settings, /) -> KakaoProvider: ...


PROVIDERS: Final[Mapping[KakaoProviderName, ProviderClass]] = {
    KakaoProviderName.SANDBOX: SandboxProvider,
}
