"""All settings, read from the environment and checked at start-up."""

import difflib
import os
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.domain.forgetting import FORGET_AFTER
from shared.domain.privacy_policy import (
    ACCESS_RECORDS_KEPT,
    AGE_OF_CONSENT,
    CANCELED_VIEWS_KEPT,
    MESSAGES_KEPT,
    PolicyEmail,
    PolicyPhone,
    PolicyText,
)
from shared.domain.sandbox import Capacity, Latency, Rate, SandboxBehaviour, is_distribution
from shared.session_keys import read_public_keys
from shared.web_settings import (
    NEEDED,
    AppUrl,
    OneWord,
    Seconds,
    Secret,
    WebSettings,
    is_loopback,
    is_origin,
    issuer_url,
)

FeedPoll = Annotated[int, Field(ge=10, le=60_000)]
# An idle system shows a change this much later, and each poll is a request: docs/decisions/0025-polling-the-feed.md.
FEED_POLL_DEFAULT: Final = 50
DAY = 24 * 60 * 60
# Thirty seconds after a call, kakao is asked whether it told the customer: KNOWN_AFTER in use_cases/registrations.py.
LONGEST_KAKAO_CALL_SECONDS: Final = 20
FORGET_AFTER_SECONDS: Final = int(FORGET_AFTER.total_seconds())
# An event that arrives after its customer's view has expired would make it anew. Nothing is delivered that late.
SHORTEST_CANCELED_VIEW_SECONDS: Final = FORGET_AFTER_SECONDS + DAY
# The host renews the lock of a single message for five minutes, and those of a batch never: they last one minute
# (service-bus.json). What is not finished by then is given back while its lock can still be settled.
LONGEST_DELIVERY_SECONDS: Final = 270
LONGEST_BATCH_SECONDS: Final = 55
# How similar an unknown name must be to that of a setting to be taken for a misspelling of it (difflib, 0 to 1). Other
# programs have variables with similar names, such as KAKAO_API_KEY (0.77); a letter too few or too many gives 0.95.
MISSPELT: Final = 0.9
# By which callers are known.
IDENTIFYING: Final = (
    "session_issuer",
    "session_audience",
    "session_public_keys",
    "operator_issuer",
    "operator_audience",
)
PREFIX_LENGTH: Final = 3


class Service(StrEnum):
    """The function apps that this code base can be."""

    CUSTOMER = "customer"
    KAKAO = "kakao"
    CUSTOMERVIEW = "customerview"
    WEB = "web"


WITH_DATA: Final = frozenset(Service) - {Service.WEB}
"""The services that have a database, and tell each other by events. My page asks them."""


class KakaoProviderName(StrEnum):
    """The providers that can deliver KakaoTalk messages: shared/adapters/kakao_providers."""

    SANDBOX = "sandbox"


class Access(StrEnum):
    """Who may call: everybody, as in the original, or only customers and operators with a token."""

    OPEN = "open"
    CUSTOMERS = "customers"


def _public_keys(text: str) -> str:
    read_public_keys(text)
    return text


class SettingsError(Exception):
    """Settings are missing or wrong. The message names each, and never shows a value."""


class Settings(WebSettings):
    """Each field is the environment variable of the same name in upper case. Times are in seconds.

    COSMOS_CONNECTION and SERVICE_BUS_CONNECTION are connection strings. On Azure, a managed identity uses
    COSMOS_CONNECTION__accountEndpoint and SERVICE_BUS_CONNECTION__fullyQualifiedNamespace (and …__clientId) instead.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    ssak8_services: Annotated[frozenset[Service], NoDecode] = WITH_DATA
    ssak8_warm_start_seconds: Seconds = 4
    public_base_url: AnyHttpUrl | None = None

    access: Access = Access.OPEN
    session_issuer: OneWord | None = None
    session_audience: OneWord | None = None
    session_public_keys: Annotated[str, AfterValidator(_public_keys)] | None = None
    operator_issuer: Annotated[str, AfterValidator(issuer_url)] | None = None
    operator_audience: OneWord | None = None
    operator_keys_timeout_seconds: Seconds = 2
    owner_key: Annotated[Secret, Field(min_length=32, max_length=256)] | None = None
    customer_app_id: str | None = None
    customer_minimum_age: int = Field(default=14, ge=0, le=150)
    access_record_ttl_seconds: int = Field(default=400 * DAY, ge=365 * DAY)

    privacy_operator_name: PolicyText | None = None
    privacy_operator_address: PolicyText | None = None
    privacy_officer_name: PolicyText | None = None
    privacy_officer_title: PolicyText | None = None
    privacy_department: PolicyText | None = None
    privacy_phone: PolicyPhone | None = None
    privacy_email: PolicyEmail | None = None
    privacy_hosting_processor: PolicyText | None = None
    privacy_message_processor: PolicyText | None = None
    privacy_message_retention: PolicyText | None = None
    privacy_inquiry_retention: PolicyText | None = None

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

    registration_seconds: Seconds = 2
    registrations_at_once: int = Field(default=64, ge=1, le=10_000)
    registration_lifetime_seconds: int = Field(default=DAY, ge=60, le=7 * DAY)
    deferred_tries_per_second: int = Field(default=20, ge=1, le=1000)

    kakao_api_url: AppUrl | None = None
    kakao_api_scope: str | None = None
    azure_client_id: str | None = None
    kakao_timeout_seconds: float = Field(default=6, gt=0, le=LONGEST_KAKAO_CALL_SECONDS)
    kakao_breaker_failures: int = Field(default=5, ge=1, le=10_000)
    kakao_breaker_reset_seconds: Seconds = 10
    kakao_breaker_reconnect_seconds: Seconds = 0.5
    kakao_retry_after_seconds: Seconds = 2
    kakao_provider: KakaoProviderName = KakaoProviderName.SANDBOX

    sandbox_changeable: bool = False
    sandbox_capacity: Capacity | None = None
    sandbox_latency_median_seconds: Latency = 0
    sandbox_latency_p99_seconds: Latency | None = None
    sandbox_failure_rate: Rate = 0
    sandbox_lost_answer_rate: Rate = 0
    sandbox_outage: bool = False

    store_retry_after_seconds: Seconds = 2
    feed_poll_milliseconds: FeedPoll = FEED_POLL_DEFAULT
    delivery_retry_seconds: float = Field(default=180, ge=0, le=240)
    batch_retry_seconds: float = Field(default=30, ge=0, le=45)
    outbox_ttl_seconds: int = Field(default=FORGET_AFTER_SECONDS, ge=60)
    idempotency_ttl_seconds: int = Field(default=DAY, ge=1)
    kakao_message_ttl_seconds: int = Field(default=365 * DAY, ge=1)
    canceled_view_ttl_seconds: int = Field(default=30 * DAY, ge=1)

    @property
    def callers_are_known(self) -> bool:
        """Whether tokens are looked at: with ACCESS=customers always, with ACCESS=open if there are keys for them."""
        return self.access is Access.CUSTOMERS or self.session_public_keys is not None

    @property
    def sandbox(self) -> SandboxBehaviour:
        """How the sandbox provider behaves at first."""
        return SandboxBehaviour(
            capacity=self.sandbox_capacity,
            latency_median_seconds=self.sandbox_latency_median_seconds,
            latency_p99_seconds=self.sandbox_latency_p99_seconds,
            failure_rate=self.sandbox_failure_rate,
            lost_answer_rate=self.sandbox_lost_answer_rate,
            outage=self.sandbox_outage,
        )

    @property
    def privacy_details(self) -> dict[str, str]:
        """What is set of what only the operator can put into the privacy policy, by the names in its text."""
        values = {name: getattr(self, name.lower()) for name in self._privacy_names()}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def _privacy_names(cls) -> list[str]:
        return [name.upper() for name in cls.model_fields if name.startswith("privacy_")]

    @field_validator("ssak8_services", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        has_data = bool(self.ssak8_services & WITH_DATA)
        if has_data and not (self.cosmos_connection or self.cosmos_connection__account_endpoint):
            raise ValueError("COSMOS_CONNECTION or COSMOS_CONNECTION__accountEndpoint must be set")
        if has_data and not (self.service_bus_connection or self.service_bus_connection__namespace):
            raise ValueError("SERVICE_BUS_CONNECTION or SERVICE_BUS_CONNECTION__fullyQualifiedNamespace must be set")
        if Service.CUSTOMER in self.ssak8_services and not self.kakao_api_url:
            raise ValueError("KAKAO_API_URL must be set: the customer service calls the kakao service there")
        if self.sandbox_changeable and self.kakao_provider is not KakaoProviderName.SANDBOX:
            raise ValueError("SANDBOX_CHANGEABLE must not be set without KAKAO_PROVIDER=sandbox")
        if not is_distribution(self.sandbox_latency_median_seconds, self.sandbox_latency_p99_seconds):
            raise ValueError(
                "SANDBOX_LATENCY_P99_SECONDS must be at least SANDBOX_LATENCY_MEDIAN_SECONDS, which must then not be 0"
            )
        # The last attempt may begin just before the retries end: it reads, writes, and puts a message aside.
        last_attempt = 2 * self.cosmos_timeout_seconds + self.service_bus_timeout_seconds
        for name, retries, longest in (
            ("DELIVERY_RETRY_SECONDS", self.delivery_retry_seconds, LONGEST_DELIVERY_SECONDS),
            ("BATCH_RETRY_SECONDS", self.batch_retry_seconds, LONGEST_BATCH_SECONDS),
        ):
            if retries + last_attempt > longest:
                raise ValueError(
                    f"{name}, twice COSMOS_TIMEOUT_SECONDS and SERVICE_BUS_TIMEOUT_SECONDS must be at most {longest} s "
                    "together, because the lock of a message ends"
                )
        return self

    @model_validator(mode="after")
    def _customers_can_be_forgotten(self) -> Self:
        days = FORGET_AFTER.days
        forgotten = f"nothing about a customer is kept longer than {days} days ({FORGET_AFTER_SECONDS} s) after the end"
        if self.outbox_ttl_seconds > FORGET_AFTER_SECONDS:
            raise ValueError(
                f"OUTBOX_TTL_SECONDS must be at most {FORGET_AFTER_SECONDS}: events hold names, and {forgotten}"
            )
        if self.registration_lifetime_seconds + self.idempotency_ttl_seconds > FORGET_AFTER_SECONDS:
            raise ValueError(
                f"REGISTRATION_LIFETIME_SECONDS and IDEMPOTENCY_TTL_SECONDS must be at most {FORGET_AFTER_SECONDS} "
                f"together: a first answer is kept for both, it holds a name, and {forgotten}"
            )
        if self.canceled_view_ttl_seconds < SHORTEST_CANCELED_VIEW_SECONDS:
            raise ValueError(
                f"CANCELED_VIEW_TTL_SECONDS must be at least {SHORTEST_CANCELED_VIEW_SECONDS}: events are delivered "
                f"for up to {days} days, and a late one would make the view of a cancelled customer anew"
            )
        return self

    @model_validator(mode="after")
    def _callers_can_be_known(self) -> Self:
        if not self.callers_are_known:
            return self
        needed: tuple[str, ...] = IDENTIFYING
        if self.ssak8_services & {Service.CUSTOMER, Service.CUSTOMERVIEW}:
            needed = (*needed, "owner_key")  # by which claims are found
        if Service.KAKAO in self.ssak8_services and self.access is Access.CUSTOMERS:
            needed = (*needed, "customer_app_id")  # the only app that may send messages
        reason = "ACCESS=customers" if self.access is Access.CUSTOMERS else "SESSION_PUBLIC_KEYS"
        if missing := [name.upper() for name in needed if not getattr(self, name)]:
            raise ValueError(f"{', '.join(missing)} must be set: with {reason}, callers are known by them")
        return self

    @model_validator(mode="after")
    def _my_page_can_run(self) -> Self:
        if Service.WEB not in self.ssak8_services:
            return self
        if missing := [name.upper() for name in (*IDENTIFYING, *NEEDED) if not getattr(self, name)]:
            raise ValueError(f"{', '.join(missing)} must be set: the web service needs them to sign people in")
        if self.public_base_url is None:
            if not is_loopback(self.kakao_login_issuer):
                raise ValueError("PUBLIC_BASE_URL must be set: Kakao sends people back there after signing in")
        elif self.public_base_url.scheme != "https" and not is_loopback(str(self.public_base_url)):
            raise ValueError("PUBLIC_BASE_URL must be https: sessions lie in cookies; http only on this machine")
        if self.public_base_url and not is_origin(self.public_base_url):
            raise ValueError(
                "PUBLIC_BASE_URL must be no more than https://HOST: pages and cookies are for a whole host"
            )
        return self

    @model_validator(mode="after")
    def _the_privacy_policy_is_true(self) -> Self:
        for name, kept, promised in (
            ("KAKAO_MESSAGE_TTL_SECONDS", self.kakao_message_ttl_seconds, MESSAGES_KEPT),
            ("CANCELED_VIEW_TTL_SECONDS", self.canceled_view_ttl_seconds, CANCELED_VIEWS_KEPT),
            ("ACCESS_RECORD_TTL_SECONDS", self.access_record_ttl_seconds, ACCESS_RECORDS_KEPT),
        ):
            if kept > promised.total_seconds():
                raise ValueError(
                    f"{name} must be at most {promised.total_seconds():.0f} ({promised.days} days), which the privacy "
                    "policy promises: shared/privacy/"
                )
        if self.access is Access.OPEN:
            return self
        if self.customer_minimum_age < AGE_OF_CONSENT:
            raise ValueError(
                f"CUSTOMER_MINIMUM_AGE must be at least {AGE_OF_CONSENT} with ACCESS=customers: the privacy policy "
                "says that nobody younger is registered"
            )
        missing = [name for name in self._privacy_names() if name not in self.privacy_details]
        if Service.WEB in self.ssak8_services and missing:
            raise ValueError(
                f"{', '.join(missing)} must be set: the privacy policy contains them, and with ACCESS=customers "
                "everybody consents to it"
            )
        return self

    @classmethod
    def load(cls) -> Self:
        """Reads the environment. Raises SettingsError."""
        try:
            loaded = cls()
        except ValidationError as error:
            wrong = "; ".join(_line(str(part["loc"][0]) if part["loc"] else "", part["msg"]) for part in error.errors())
            raise SettingsError(f"wrong settings: {wrong}") from None
        if misspelt := [f"{name}: there is no such setting; did you mean {meant}?" for name, meant in _misspelt()]:
            raise SettingsError(f"wrong settings: {', '.join(misspelt)}")
        return loaded


def _misspelt() -> Iterator[tuple[str, str]]:
    """Variables that are probably meant to be a setting, with its name. Any other variable belongs to somebody else."""
    names = [str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()]
    known = {name.upper(): name for name in names}
    prefixes = tuple({name[:PREFIX_LENGTH] for name in known})
    for name in sorted(name for name in os.environ if name.upper() not in known):
        # Comparing is slow, and nobody misspells the beginning.
        if name.upper().startswith(prefixes) and (meant := difflib.get_close_matches(name.upper(), known, 1, MISSPELT)):
            yield name, known[meant[0]]


def _line(field: str, message: str) -> str:
    name = field if "__" in field else field.upper()
    said = message.removeprefix("Value error, ")
    return f"{name}: {said}" if name else said


def feed_poll_milliseconds() -> int:
    """FEED_POLL_MILLISECONDS alone. A trigger states it when its module is imported, also by tools without settings.

    A wrong value is reported with the other settings, so here it counts as not set.
    """
    try:
        return TypeAdapter(FeedPoll).validate_python(os.environ.get("FEED_POLL_MILLISECONDS", FEED_POLL_DEFAULT))
    except ValidationError:
        return FEED_POLL_DEFAULT


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError."""
    return Settings.load()
