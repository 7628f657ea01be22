"""The settings of my page alone: shared/settings.py has those of every app."""

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings

Seconds = Annotated[float, Field(gt=0, le=600)]
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
# Every page is one request, which API Management ends after 30 seconds.
LONGEST_CALL_SECONDS: Final = 20
KAKAO: Final = "https://kauth.kakao.com"

NEEDED: Final = (
    "customer_api_url",
    "customerview_api_url",
    "session_private_key",
    "cookie_key",
    "kakao_login_client_id",
)
"""What my page cannot do without."""


class Switch(StrEnum):
    """Whether something optional is there."""

    ON = "on"
    OFF = "off"


def is_loopback(url: str) -> bool:
    """Whether this machine itself is meant. What is sent there can be read by nobody else, so http is enough."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def issuer_url(text: str) -> str:
    """Kept as it is written, because the `iss` of a token must be the same text. Raises ValueError."""
    url = urlsplit(text)
    if (
        not url.hostname
        or not (url.scheme == "https" or is_loopback(text))
        or url.query
        or url.fragment
        or url.username
    ):
        raise ValueError("must be an https URL without a query; http only on this machine")
    if text.endswith("/"):
        raise ValueError("must not end with a slash")
    return text


def resolved(secret: SecretStr) -> SecretStr:
    """The platform hands the reference itself to an app that may not read the secret yet: a text that anybody knows."""
    if secret.get_secret_value().startswith("@Microsoft.KeyVault("):
        raise ValueError(
            "could not be read from the Key Vault: does the secret exist, and may the app's identity read it?"
        )
    return secret


Secret = Annotated[SecretStr, AfterValidator(resolved)]


class WebSettings(BaseSettings):
    """Times are in seconds. A secret is a reference to the Key Vault on Azure."""

    customer_api_url: AnyHttpUrl | None = None
    customerview_api_url: AnyHttpUrl | None = None
    api_scope: str | None = None
    api_timeout_seconds: float = Field(default=10, gt=0, le=LONGEST_CALL_SECONDS)

    session_private_key: Secret | None = None
    cookie_key: Annotated[Secret, Field(min_length=32, max_length=256)] | None = None

    kakao_login_issuer: Annotated[str, AfterValidator(issuer_url)] = KAKAO
    kakao_login_client_id: str | None = None
    kakao_login_client_secret: Secret | None = None
    kakao_login_timeout_seconds: Seconds = 2
    kakao_login_breaker_failures: int = Field(default=5, ge=1, le=10_000)
    kakao_login_breaker_reset_seconds: Seconds = 10
    operator_login_timeout_seconds: Seconds = 2

    web_postcode: Switch = Switch.OFF
