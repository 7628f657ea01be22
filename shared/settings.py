"""All settings, read from the environment and checked at start-up."""

import difflib
import os
from enum import StrEnum
from functools import cache
from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=600)]
DAY = 24 * 60 * 60
# A misspelt name with one of these prefixes is refused. Otherwise it would be ignored, and nobody would notice.
OUR_PREFIXES = (
    *("SSAK8_", "KAKAO_", "COSMOS_", "SERVICE_BUS_", "OUTBOX_", "IDEMPOTENCY_", "CANCELED_VIEW_"),
    *("STORE_RETRY_", "DELIVERY_RETRY_", "PUBLIC_BASE_"),
)


class Service(StrEnum):
    """The function apps that this code base can be."""

    CUSTOMER = "customer"
    KAKAO = "kakao"
    CUSTOMERVIEW = "customerview"


class KakaoProviderName(StrEnum):
    """The providers that can deliver KakaoTalk messages: shared/adapters/kakao_providers."""

    SANDBOX = "sandbox"


class SettingsError(Exception):
    """Settings are missing or wrong. The message names each, and never shows a value."""


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in upper case. Times are in seconds.

    COSMOS_CONNECTION and SERVICE_BUS_CONNECTION are connection strings. On Azure, a managed identity uses
    COSMOS_CONNECTION__accountEndpoint and SERVICE_BUS_CONNECTION__fullyQualifiedNamespace (and …__clientId) instead.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    ssak8_services: Annotated[frozenset[Service], NoDecode] = frozenset(Service)
    public_base_url: AnyHttpUrl | None = None

    cosmos_connection: SecretStr | None = None
    cosmos_connection__account_endpoint: AnyHttpUrl | None = Field(
        default=None, validation_alias="COSMOS_CONNECTION__accountEndpoint"
    )
    cosmos_connection__client_id: str | None = Field(default=None, validation_alias="COSMOS_CONNECTION__clientId")
    cosmos_timeout_seconds: Seconds = 5

    service_bus_connection: SecretStr | None = None
    service_bus_connection__namespace: str | None = Field(
        default=None, validation_alias="SERVICE_BUS_CONNECTION__fullyQualifiedNamespace"
    )
    service_bus_connection__client_id: str | None = Field(
        default=None, validation_alias="SERVICE_BUS_CONNECTION__clientId"
    )
    service_bus_timeout_seconds: Seconds = 10

    kakao_api_url: AnyHttpUrl | None = None
    kakao_api_scope: str | None = None
    azure_client_id: str | None = None
    kakao_timeout_seconds: Seconds = 2
    kakao_concurrent_calls: int = Field(default=64, ge=1, le=10_000)
    kakao_waiting_calls: int = Field(default=64, ge=0, le=10_000)
    kakao_breaker_failures: int = Field(default=5, ge=1, le=10_000)
    kakao_breaker_reset_seconds: Seconds = 10
    kakao_retry_after_seconds: Seconds = 2
    kakao_provider: KakaoProviderName = KakaoProviderName.SANDBOX

    store_retry_after_seconds: Seconds = 2
    delivery_retry_seconds: float = Field(default=180, ge=0, le=220)
    outbox_ttl_seconds: int = Field(default=7 * DAY, ge=60)
    idempotency_ttl_seconds: int = Field(default=DAY, ge=1)
    kakao_message_ttl_seconds: int = Field(default=365 * DAY, ge=1)
    canceled_view_ttl_seconds: int = Field(default=30 * DAY, ge=1)

    @field_validator("ssak8_services", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.cosmos_connection or self.cosmos_connection__account_endpoint):
            raise ValueError("COSMOS_CONNECTION or COSMOS_CONNECTION__accountEndpoint must be set")
        if not (self.service_bus_connection or self.service_bus_connection__namespace):
            raise ValueError("SERVICE_BUS_CONNECTION or SERVICE_BUS_CONNECTION__fullyQualifiedNamespace must be set")
        if Service.CUSTOMER in self.ssak8_services and not self.kakao_api_url:
            raise ValueError("KAKAO_API_URL must be set: the customer service calls the kakao service there")
        return self

    @classmethod
    def load(cls) -> Self:
        """Reads the environment. Raises SettingsError."""
        try:
            loaded = cls()
        except ValidationError as error:
            wrong = "; ".join(_line(str(part["loc"][0]) if part["loc"] else "", part["msg"]) for part in error.errors())
            raise SettingsError(f"wrong settings: {wrong}") from None
        if unknown := sorted(name for name in os.environ if _is_ours(name) and name.lower() not in cls.model_fields):
            raise SettingsError(f"wrong settings: {', '.join(map(_unknown, unknown))}")
        return loaded


def _is_ours(name: str) -> bool:
    """Whether only this code reads a setting with this name. A name with `__` belongs to a connection."""
    return name.startswith(OUR_PREFIXES) and "__" not in name


def _unknown(name: str) -> str:
    like = difflib.get_close_matches(name, [field.upper() for field in Settings.model_fields], 1)
    return f"{name}: there is no such setting" + (f"; did you mean {like[0]}?" if like else "")


def _line(field: str, message: str) -> str:
    name = field if "__" in field else field.upper()
    return f"{name}: {message}" if name else message.removeprefix("Value error, ")


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError."""
    return Settings.load()
