"""Who delivers a message to a phone: one module for each provider, listed here under its name in KAKAO_PROVIDER."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.adapters.kakao_providers.sandbox import SandboxProvider
from shared.settings import KakaoProviderName, Settings
from shared.use_cases.sending import KakaoProvider

PROVIDERS: Final[Mapping[KakaoProviderName, Callable[[Settings], KakaoProvider]]] = {
    KakaoProviderName.SANDBOX: SandboxProvider,
}
