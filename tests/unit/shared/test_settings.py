import json

import pytest

from shared.domain.sandbox import SandboxBehaviour
from shared.settings import DAY, Access, Service, Settings, SettingsError, feed_poll_milliseconds
from tests.unit.shared.test_privacy_settings import POLICY
from tests.unit.shared.test_session_keys import KEY, PRIVATE_KEY, jwks

COMPLETE = {
    "COSMOS_CONNECTION": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=very-secret;",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;SharedAccessKey=very-secret",
    "KAKAO_API_URL": "http://127.0.0.1:7072",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_defaults_are_those_of_the_design() -> None:
    loaded = Settings.load()

    assert loaded.ssak8_services == set(Service) - {Service.WEB}
    assert (loaded.registration_seconds, loaded.registrations_at_once, loaded.kakao_timeout_seconds) == (2, 64, 6)
    assert (loaded.kakao_breaker_failures, loaded.kakao_breaker_reset_seconds) == (5, 10)


def test_services_are_named_with_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SSAK8_SERVICES", "kakao, customerview")

    assert Settings.load().ssak8_services == {Service.KAKAO, Service.CUSTOMERVIEW}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSAK8_SERVICES", "kakao,gateway"),
        ("SSAK8_SERVICES", ""),
        ("KAKAO_TIMEOUT_SECONDS", "0"),
        ("KAKAO_TIMEOUT_SECONDS", "21"),
        ("REGISTRATION_LIFETIME_SECONDS", "59"),
        ("REGISTRATION_LIFETIME_SECONDS", "604801"),
        ("DEFERRED_TRIES_PER_SECOND", "0"),
        ("DEFERRED_TRIES_PER_SECOND", "1001"),
        ("KAKAO_TIMEOUT_SECONDS", "soon"),
        ("KAKAO_BREAKER_FAILURES", "-1"),
        ("KAKAO_API_URL", "kakao:7072"),
        ("KAKAO_API_URL", "http://kakao:7072"),
        ("KAKAO_API_URL", "http://127.0.0.1.example:7072"),
        ("KAKAO_API_URL", "https://kakao.example/?to="),
        ("KAKAO_PROVIDER", "carrier-pigeon"),
        ("DELIVERY_RETRY_SECONDS", "241"),
        ("BATCH_RETRY_SECONDS", "46"),
        ("FEED_POLL_MILLISECONDS", "9"),
    ],
)
def test_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "retry", "timeout", "accepted"),
    [
        ("BATCH_RETRY_SECONDS", "30", "7.5", True),
        ("BATCH_RETRY_SECONDS", "30", "7.6", False),
        ("DELIVERY_RETRY_SECONDS", "240", "5", True),
        ("DELIVERY_RETRY_SECONDS", "240", "10.1", False),
    ],
)
def test_retries_and_a_last_attempt_end_before_the_lock_of_a_message(
    environment: pytest.MonkeyPatch, name: str, retry: str, timeout: str, accepted: bool
) -> None:
    environment.setenv(name, retry)
    environment.setenv("COSMOS_TIMEOUT_SECONDS", timeout)

    if accepted:
        Settings.load()
    else:
        with pytest.raises(SettingsError, match=f"{name}, twice COSMOS_TIMEOUT_SECONDS"):
            Settings.load()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"OUTBOX_TTL_SECONDS": 5 * DAY}, None),
        ({"OUTBOX_TTL_SECONDS": 5 * DAY + 1}, "OUTBOX_TTL_SECONDS must be at most 432000: events hold names"),
        ({"REGISTRATION_LIFETIME_SECONDS": 4 * DAY}, None),
        ({"REGISTRATION_LIFETIME_SECONDS": 4 * DAY + 1}, "must be at most 432000 together: a first answer"),
        ({"IDEMPOTENCY_TTL_SECONDS": 4 * DAY + 1}, "REGISTRATION_LIFETIME_SECONDS and IDEMPOTENCY_TTL_SECONDS"),
        ({"CANCELED_VIEW_TTL_SECONDS": 6 * DAY}, None),
        ({"CANCELED_VIEW_TTL_SECONDS": 6 * DAY - 1}, "a late one would make the view of a cancelled customer anew"),
    ],
)
def test_nothing_may_be_kept_longer_than_customers_are_remembered(
    environment: pytest.MonkeyPatch, changes: dict[str, int], reason: str | None
) -> None:
    for name, seconds in changes.items():
        environment.setenv(name, str(seconds))

    if reason is None:
        Settings.load()
    else:
        with pytest.raises(SettingsError, match=reason):
            Settings.load()


@pytest.mark.parametrize("name", COMPLETE)
def test_a_missing_setting_is_named_and_no_secret_is_shown(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)

    with pytest.raises(SettingsError, match=name) as error:
        Settings.load()

    assert "very-secret" not in str(error.value)


def test_the_sandbox_behaves_as_the_settings_say(environment: pytest.MonkeyPatch) -> None:
    assert Settings.load().sandbox == SandboxBehaviour()

    for name, value in {
        "CAPACITY": "50",
        "LATENCY_MEDIAN_SECONDS": "0.03",
        "LATENCY_P99_SECONDS": "0.2",
        "FAILURE_RATE": "0.01",
        "LOST_ANSWER_RATE": "0.02",
        "OUTAGE": "true",
    }.items():
        environment.setenv(f"SANDBOX_{name}", value)

    assert Settings.load().sandbox == SandboxBehaviour(
        capacity=50,
        latency_median_seconds=0.03,
        latency_p99_seconds=0.2,
        failure_rate=0.01,
        lost_answer_rate=0.02,
        outage=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_CAPACITY", "0"),
        ("SANDBOX_FAILURE_RATE", "1.1"),
        ("SANDBOX_LOST_ANSWER_RATE", "-0.1"),
        ("SANDBOX_OUTAGE", "perhaps"),
        ("SANDBOX_LATENCY_P99_SECONDS", "0.1"),  # without a median
        ("SANDBOX_CAPACTY", "50"),
    ],
)
def test_an_impossible_sandbox_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        Settings.load()


def test_only_the_customer_service_needs_to_know_where_kakao_is(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("KAKAO_API_URL")
    environment.setenv("SSAK8_SERVICES", "kakao")

    assert Settings.load().kakao_api_url is None


def test_a_managed_identity_takes_the_place_of_connection_strings(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COSMOS_CONNECTION")
    environment.delenv("SERVICE_BUS_CONNECTION")
    environment.setenv("COSMOS_CONNECTION__accountEndpoint", "https://ssak8.documents.azure.com:443/")
    environment.setenv("SERVICE_BUS_CONNECTION__fullyQualifiedNamespace", "ssak8.servicebus.windows.net")

    assert Settings.load().service_bus_connection__namespace == "ssak8.servicebus.windows.net"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KAKAO_BREAKER_FALURES", "KAKAO_BREAKER_FAILURES"),
        ("KAKAO_TIMEOUT_SECOND", "KAKAO_TIMEOUT_SECONDS"),
        ("SSAK8_SERVICE", "SSAK8_SERVICES"),
        ("IDEMPOTENCY_TTL_SECS", "IDEMPOTENCY_TTL_SECONDS"),
        ("COSMOS_CONNECTION__accountEndpont", "COSMOS_CONNECTION__accountEndpoint"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_right_name(
    environment: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    environment.setenv(name, "7")

    with pytest.raises(SettingsError, match=rf"{name}: .* did you mean {meant}\?"):
        Settings.load()


@pytest.mark.parametrize(
    "name",
    [
        "KAKAO_REST_API_KEY",
        "KAKAO_API_KEY",
        "KAKAO_CLIENT_ID",
        "COSMOS_ENDPOINT",
        "COSMOS_CONNECTION_STRING",
        "COSMOS_CONNECTION__credential",
        "SERVICE_BUS_NAMESPACE",
        "SERVICE_BUS_CONNECTION_STRING",
        "AZURE_CLIENT_SECRET",
        "AZURE_TENANT_ID",
        "PUBLIC_URL",
        "OUTBOX_DIR",
    ],
)
def test_variables_of_other_programs_are_ignored(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "7")

    Settings.load()


def test_a_setting_may_be_written_in_lower_case(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("kakao_timeout_seconds", "1")

    assert Settings.load().kakao_timeout_seconds == 1


@pytest.mark.parametrize(("value", "milliseconds"), [("250", 250), ("9", 50), ("soon", 50)])
def test_a_trigger_knows_the_poll_interval_without_the_other_settings(
    environment: pytest.MonkeyPatch, value: str, milliseconds: int
) -> None:
    environment.delenv("COSMOS_CONNECTION")
    assert feed_poll_milliseconds() == 50

    environment.setenv("FEED_POLL_MILLISECONDS", value)

    assert feed_poll_milliseconds() == milliseconds


TOKENS = {
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


def test_everybody_may_call_unless_the_settings_say_otherwise() -> None:
    assert Settings.load().access is Access.OPEN


def test_customers_and_operators_are_known_by_the_settings(environment: pytest.MonkeyPatch) -> None:
    for name, value in TOKENS.items():
        environment.setenv(name, value)

    assert Settings.load().operator_issuer == TOKENS["OPERATOR_ISSUER"]


@pytest.mark.parametrize("missing", [name for name in TOKENS if name != "ACCESS" and name not in POLICY])
@pytest.mark.parametrize("empty", [True, False])
def test_access_for_customers_needs_to_know_who_calls(
    environment: pytest.MonkeyPatch, missing: str, *, empty: bool
) -> None:
    for name, value in TOKENS.items():
        environment.setenv(name, value)
    if empty:
        environment.setenv(missing, "")
    else:
        environment.delenv(missing)

    with pytest.raises(SettingsError, match=missing):
        Settings.load()


@pytest.mark.parametrize("services", ["customer", "customerview"])
@pytest.mark.parametrize("missing", ["SESSION_ISSUER", "SESSION_AUDIENCE", "OPERATOR_ISSUER", "OWNER_KEY"])
def test_with_keys_for_tokens_callers_are_known_also_where_everybody_may_call(
    environment: pytest.MonkeyPatch, services: str, missing: str
) -> None:
    for name, value in TOKENS.items():
        environment.setenv(name, value)
    environment.setenv("ACCESS", "open")
    environment.setenv("SSAK8_SERVICES", services)
    assert Settings.load().callers_are_known

    environment.delenv(missing)
    with pytest.raises(SettingsError, match=f"{missing} must be set: with SESSION_PUBLIC_KEYS"):
        Settings.load()

    environment.delenv("SESSION_PUBLIC_KEYS")
    assert not Settings.load().callers_are_known


@pytest.mark.parametrize(
    ("services", "spared"),
    [("kakao", "OWNER_KEY"), ("customer", "CUSTOMER_APP_ID"), ("customerview", "CUSTOMER_APP_ID")],
)
def test_an_app_needs_only_what_its_services_use(environment: pytest.MonkeyPatch, services: str, spared: str) -> None:
    for name, value in TOKENS.items():
        environment.setenv(name, value)
    environment.setenv("SSAK8_SERVICES", services)
    environment.delenv(spared)

    assert Settings.load().access is Access.CUSTOMERS


@pytest.mark.parametrize(
    "key", ["o" * 31, "@Microsoft.KeyVault(SecretUri=https://kv-1.vault.azure.net/secrets/owner-key)"]
)
def test_a_short_owner_key_and_one_that_was_not_read_from_the_vault_are_refused(
    environment: pytest.MonkeyPatch, key: str
) -> None:
    environment.setenv("OWNER_KEY", key)

    with pytest.raises(SettingsError, match="OWNER_KEY: ") as refused:
        Settings.load()

    assert key not in str(refused.value)


def test_a_private_key_among_the_public_ones_is_named_and_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SESSION_PUBLIC_KEYS", jwks(PRIVATE_KEY))

    with pytest.raises(SettingsError, match=r"SESSION_PUBLIC_KEYS: .*contains a private key") as refused:
        Settings.load()

    assert PRIVATE_KEY["d"] not in str(refused.value)
    assert json.dumps(PRIVATE_KEY["x"]) not in str(refused.value)


@pytest.mark.parametrize(
    "issuer",
    [
        "login.microsoftonline.com/t/v2.0",
        "http://login.microsoftonline.com/t/v2.0",
        "http://127.0.0.1.example.com/t/v2.0",
        "http://127.0.0.1@example.com/t/v2.0",
        "https://login.microsoftonline.com/t/v2.0/",
        "https://login.microsoftonline.com/t/v2.0?p=1",
        "ftp://127.0.0.1/t",
        "http://[::1",
    ],
)
def test_an_issuer_is_reached_by_https_or_on_this_machine(environment: pytest.MonkeyPatch, issuer: str) -> None:
    environment.setenv("OPERATOR_ISSUER", issuer)

    with pytest.raises(SettingsError, match="OPERATOR_ISSUER"):
        Settings.load()


def test_an_issuer_on_this_machine_may_be_without_https(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPERATOR_ISSUER", "http://127.0.0.1:9100/t/v2.0")

    assert Settings.load().operator_issuer == "http://127.0.0.1:9100/t/v2.0"
