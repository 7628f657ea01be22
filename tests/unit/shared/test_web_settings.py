"""My page starts only with settings by which people can sign in safely."""

import importlib
import json
import sys

import pytest

from shared.settings import Service, Settings, SettingsError, settings
from tests.unit.shared.test_privacy_settings import CUSTOMERS, POLICY, WEB
from tests.unit.shared.test_session_keys import OTHER, PRIVATE_KEY, jwks


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in {**WEB, **POLICY, "SSAK8_SERVICES": "web", "ACCESS": "customers"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_it_needs_no_database_and_no_queue() -> None:
    loaded = Settings.load()

    assert loaded.ssak8_services == {Service.WEB}
    assert loaded.cosmos_connection is None
    assert loaded.kakao_login_issuer == "https://kauth.kakao.com"


@pytest.mark.parametrize("access", ["open", "customers"])
@pytest.mark.parametrize("missing", sorted(WEB))
def test_each_missing_setting_is_named(environment: pytest.MonkeyPatch, access: str, missing: str) -> None:
    environment.setenv("ACCESS", access)
    environment.delenv(missing)

    with pytest.raises(SettingsError, match=f"{missing}.* must be set"):
        Settings.load()


def test_without_a_public_address_people_can_sign_in_only_on_this_machine(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PUBLIC_BASE_URL")
    environment.setenv("KAKAO_LOGIN_ISSUER", "http://127.0.0.1:9200")

    assert Settings.load().public_base_url is None


@pytest.mark.parametrize(
    "url",
    ["http://ssak8.example.com", "http://192.168.0.8:8080", "http://127.0.0.1.example.com", "http://localhost.kr"],
)
def test_an_address_without_tls_is_refused_unless_it_is_this_machine(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("PUBLIC_BASE_URL", url)

    with pytest.raises(SettingsError, match="PUBLIC_BASE_URL must be https"):
        Settings.load()


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://a.kr"])
def test_this_machine_and_https_are_accepted(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("PUBLIC_BASE_URL", url)

    assert Settings.load().public_base_url


@pytest.mark.parametrize("more", ["/app", "//", "/?a=b", "?", "#top", "/%20"])
def test_an_address_with_more_than_a_host_is_refused(environment: pytest.MonkeyPatch, more: str) -> None:
    # Browsers say where a form comes from without it, so every form would be refused.
    for origin in ("https://a.kr", "http://127.0.0.1:8080"):
        environment.setenv("PUBLIC_BASE_URL", f"{origin}{more}")

        with pytest.raises(SettingsError, match="PUBLIC_BASE_URL must be no more than https://HOST"):
            Settings.load()


@pytest.mark.parametrize("url", ["https://name@a.kr", "https://:word@a.kr", "https://name:word@a.kr"])
def test_an_address_with_a_name_in_it_is_refused_and_not_shown(environment: pytest.MonkeyPatch, url: str) -> None:
    for setting in ("PUBLIC_BASE_URL", "CUSTOMER_API_URL", "CUSTOMERVIEW_API_URL"):
        with environment.context() as changed:
            changed.setenv(setting, url)

            with pytest.raises(SettingsError, match=setting) as refused:
                Settings.load()

        assert "word" not in str(refused.value)


@pytest.mark.parametrize("setting", ["CUSTOMER_API_URL", "CUSTOMERVIEW_API_URL"])
@pytest.mark.parametrize(
    "url", ["http://customer.internal", "http://10.0.0.4:7071", "https://a.kr/?a=b", "https://a.kr/#"]
)
def test_tokens_are_sent_to_no_app_that_others_can_listen_to(
    environment: pytest.MonkeyPatch, setting: str, url: str
) -> None:
    environment.setenv(setting, url)

    with pytest.raises(SettingsError, match=f"{setting}: must be"):
        Settings.load()


@pytest.mark.parametrize("setting", ["KAKAO_LOGIN_ISSUER", "OPERATOR_ISSUER"])
@pytest.mark.parametrize(
    "issuer",
    [
        *(
            "http://kauth.kakao.com",
            "https://kauth.kakao.com/",
            "https://u@kauth.kakao.com",
            "https://@kauth.kakao.com",
        ),
        *(
            "https://kauth.kakao.com\n",
            " https://kauth.kakao.com",
            "https://kauth kakao.com",
            "HTTPS://kauth.kakao.com",
        ),
        *("https://kauth.kakao.com:port", "https://kauth.kakao.com:99999", "https://kauth.kakao.com?", "https://a.kr#"),
        *(
            "https://kauth.kakao.com\\@evil.example",
            "https://카카오.kr",
            "https://[::1",
            "//kauth.kakao.com",
            "https://",
        ),
    ],
)
def test_an_issuer_that_could_be_another_is_refused(environment: pytest.MonkeyPatch, setting: str, issuer: str) -> None:
    environment.setenv(setting, issuer)

    with pytest.raises(SettingsError, match=setting):
        Settings.load()


@pytest.mark.parametrize("value", [" ", "a b", "a\n", "\ta", "a\u00a0"])
@pytest.mark.parametrize(
    "setting",
    [
        *("SESSION_ISSUER", "SESSION_AUDIENCE", "OPERATOR_AUDIENCE", "API_SCOPE"),
        *("KAKAO_LOGIN_CLIENT_ID", "KAKAO_LOGIN_CLIENT_SECRET"),
    ],
)
def test_what_was_copied_with_a_space_is_refused(environment: pytest.MonkeyPatch, setting: str, value: str) -> None:
    environment.setenv(setting, value)

    with pytest.raises(SettingsError, match=f"{setting}: must not contain spaces"):
        Settings.load()


@pytest.mark.parametrize("name", ["COOKIE_KEY", "SESSION_PRIVATE_KEY", "KAKAO_LOGIN_CLIENT_SECRET"])
def test_a_secret_that_was_not_read_from_the_vault_is_refused(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(
        name, "@Microsoft.KeyVault(SecretUri=https://kv-1.vault.azure.net/secrets/a-secret-of-the-vault)"
    )

    with pytest.raises(SettingsError, match=f"{name}: could not be read from the Key Vault"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SESSION_PRIVATE_KEY", "{}", "SESSION_PRIVATE_KEY: this is no private key"),
        ("SESSION_PRIVATE_KEY", CUSTOMERS["SESSION_PUBLIC_KEYS"], "SESSION_PRIVATE_KEY: this is no private key"),
        ("SESSION_PUBLIC_KEYS", jwks(OTHER), "SESSION_PUBLIC_KEYS must contain the public key of SESSION_PRIVATE_KEY"),
    ],
    ids=["nothing", "public keys", "another key"],
)
def test_a_key_that_signs_for_nobody_ends_the_start(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    settings.cache_clear()
    sys.modules.pop("function_app", None)

    try:
        with pytest.raises(SettingsError, match=said) as refused:
            importlib.import_module("function_app")
    finally:
        settings.cache_clear()
        sys.modules.pop("function_app", None)

    assert json.loads(json.dumps(PRIVATE_KEY))["d"] not in str(refused.value)
