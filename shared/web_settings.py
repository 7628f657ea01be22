"""The settings of my page alone: shared/settings.py has those of every app."""

import re
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
# Nothing that some programs take for the same address and others do not.
_ISSUER: Final = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*", re.ASCII
)

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
    if text.endswith("/"):
        raise ValueError("must not end with a slash")
    if not _ISSUER.fullmatch(text) or not (text.startswith("https:") or is_loopback(text)):
        raise ValueError("must be an https URL without a query; http only on this machine")
    _ = urlsplit(text).port  # which raises ValueError for one that cannot be
    return text


def app_url(url: AnyHttpUrl) -> AnyHttpUrl:
    """Of another app, which gets tokens and personal data. Raises ValueError."""
    if url.scheme != "https" and not is_loopback(str(url)):
        raise ValueError("must be an https URL; http only on this machine")
    if not _has_only_a_path(url):
        raise ValueError("must be a URL without a query, a fragment and a name")
    return url


def is_origin(url: AnyHttpUrl) -> bool:
    """Whether it is a scheme and a host, perhaps with a port, and no more."""
    return _has_only_a_path(url) and url.path in (None, "/")


def _has_only_a_path(url: AnyHttpUrl) -> bool:
    return url.query is None and url.fragment is None and url.username is None and url.password is None


def without_spaces(text: str) -> str:
    """Kept as it is written: a space or a line break, copied with it, would make it another. Raises ValueError."""
    if any(character.isspace() for character in text):
        raise ValueError("must not contain spaces or line breaks")
    return text


def resolved(secret: SecretStr) -> SecretStr:
    """The platform hands the reference itself to an app that may not read the secret yet: a text that anybody knows."""
    if secret.get_secret_value().startswith("@Microsoft.KeyVault("):
        raise ValueError(
            "could not be read from the Key Vault: does the secret exist, and may the app's identity read it?"
        )
    return secret


def _without_spaces(secret: SecretStr) -> SecretStr:
    without_spaces(secret.get_secret_value())
    return secret


Secret = Annotated[SecretStr, AfterValidator(resolved)]
OneWord = Annotated[str, AfterValidator(without_spaces)]
AppUrl = Annotated[AnyHttpUrl, AfterValidator(app_url)]


class WebSettings(BaseSettings):
    """Times are in seconds. A secret is a reference to the Key Vault on Azure."""

    customer_api_url: AppUrl | None = None
    customerview_api_url: AppUrl | None = None
    api_scope: OneWord | None = None
    api_timeout_seconds: float = Field(default=10, gt=0, le=LONGEST_CALL_SECONDS)

    session_private_key: Secret | None = None
    cookie_key: Annotated[Secret, Field(min_length=32, max_length=256)] | None = None

    kakao_login_issuer: Annotated[str, AfterValidator(issuer_url)] = KAKAO
    kakao_login_client_id: OneWord | None = None
    kakao_login_client_secret: Annotated[Secret, AfterValidator(_without_spaces)] | None = None
    kakao_login_timeout_seconds: Seconds = 2
    kakao_login_breaker_failures: int = Field(default=5, ge=1, le=10_000)
    kakao_login_breaker_reset_seconds: Seconds = 10
    operator_login_timeout_seconds: Seconds = 2

    web_postcode: Switch = Switch.OFF
