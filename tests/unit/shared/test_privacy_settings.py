"""What the privacy policy says is true, or an app does not start."""

import json
import tomllib
from datetime import timedelta

import pytest

from shared.domain.privacy_policy import (
    ACCESS_RECORDS_KEPT,
    AGE_OF_CONSENT,
    CANCELED_VIEWS_KEPT,
    MESSAGES_KEPT,
)
from shared.settings import Access, Settings, SettingsError
from tests.unit.shared.test_session_keys import KEY, PRIVATE_KEY, jwks
from tools.paths import LOCAL_AZURE_SETTINGS

LOCAL = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["settings"]
POLICY = {name: value for name, value in LOCAL.items() if name.startswith("PRIVACY_")}
CUSTOMERS = {
    "COSMOS_CONNECTION": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a;",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;",
    "KAKAO_API_URL": "http://127.0.0.1:7072",
    "ACCESS": "customers",
    "SESSION_ISSUER": "https://ssak8.example.com",
    "SESSION_AUDIENCE": "ssak8",
    "SESSION_PUBLIC_KEYS": jwks(KEY),
    "OPERATOR_ISSUER": "https://login.microsoftonline.com/0f0e0d0c-0000-4000-8000-000000000000/v2.0",
    "OPERATOR_AUDIENCE": "0f0e0d0c-0000-4000-8000-000000000001",
    "OWNER_KEY": "o" * 64,
    "CUSTOMER_APP_ID": "0f0e0d0c-0000-4000-8000-000000000002",
    **POLICY,
}


WEB = {
    "SESSION_ISSUER": CUSTOMERS["SESSION_ISSUER"],
    "SESSION_AUDIENCE": CUSTOMERS["SESSION_AUDIENCE"],
    "SESSION_PUBLIC_KEYS": CUSTOMERS["SESSION_PUBLIC_KEYS"],
    "SESSION_PRIVATE_KEY": json.dumps(PRIVATE_KEY),
    "OPERATOR_ISSUER": CUSTOMERS["OPERATOR_ISSUER"],
    "OPERATOR_AUDIENCE": CUSTOMERS["OPERATOR_AUDIENCE"],
    "COOKIE_KEY": "c" * 64,
    "PUBLIC_BASE_URL": "https://ssak8.example.com",
    "CUSTOMER_API_URL": "http://127.0.0.1:7071",
    "CUSTOMERVIEW_API_URL": "http://127.0.0.1:7073",
    "KAKAO_LOGIN_CLIENT_ID": "client",
}
"""What my page needs in addition; some of it every app needs to know who calls."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in {**CUSTOMERS, **WEB, "SSAK8_SERVICES": "customer,web"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_laptop_has_an_example_of_each() -> None:
    assert Settings.load().privacy_details == POLICY
    assert len(POLICY) == 11


@pytest.mark.parametrize("missing", POLICY)
def test_customers_cannot_consent_to_an_incomplete_policy(environment: pytest.MonkeyPatch, missing: str) -> None:
    environment.delenv(missing)

    with pytest.raises(SettingsError, match=f"{missing} must be set"):
        Settings.load()


def test_all_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in POLICY:
        environment.delenv(name)

    with pytest.raises(SettingsError) as error:
        Settings.load()

    assert all(name in str(error.value) for name in POLICY)


@pytest.mark.parametrize(("name", "value"), [("ACCESS", "open"), ("SSAK8_SERVICES", "kakao,customerview")])
def test_where_nobody_consents_nothing_is_required(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    for missing in POLICY:
        environment.delenv(missing)
    environment.setenv(name, value)

    assert Settings.load().privacy_details == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRIVACY_OPERATOR_NAME", "싹8|"),
        ("PRIVACY_DEPARTMENT", "고객\n지원팀"),
        ("PRIVACY_PHONE", "soon"),
        ("PRIVACY_EMAIL", "kim@home"),
        ("PRIVACY_MESSAGE_RETENTION", ""),
    ],
)
def test_a_detail_that_would_spoil_the_text_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsError, match=f"{name}: ") as error:
        Settings.load()

    assert not value or value not in str(error.value)


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("KAKAO_MESSAGE_TTL_SECONDS", MESSAGES_KEPT),
        ("CANCELED_VIEW_TTL_SECONDS", CANCELED_VIEWS_KEPT),
        ("ACCESS_RECORD_TTL_SECONDS", ACCESS_RECORDS_KEPT),
    ],
)
@pytest.mark.parametrize("access", Access)
def test_nothing_is_kept_longer_than_the_policy_says(
    environment: pytest.MonkeyPatch, name: str, longest: timedelta, access: Access
) -> None:
    seconds = int(longest.total_seconds())
    environment.setenv("ACCESS", access)
    environment.setenv(name, str(seconds))
    assert Settings.load()

    environment.setenv(name, str(seconds + 1))
    with pytest.raises(SettingsError, match=rf"{name} must be at most {seconds} \("):
        Settings.load()


def test_children_cannot_be_registered_where_customers_sign_in(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CUSTOMER_MINIMUM_AGE", str(AGE_OF_CONSENT - 1))
    with pytest.raises(SettingsError, match="CUSTOMER_MINIMUM_AGE must be at least 14"):
        Settings.load()

    environment.setenv("ACCESS", "open")
    assert Settings.load().customer_minimum_age == AGE_OF_CONSENT - 1
