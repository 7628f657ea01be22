"""What a deployment reports before it asks Azure, for the environments of the project."""

import re

import pytest

from tests.unit.infra.compiler import VARIABLES
from tools.delivery.environments import BICEP_FOLDER, Environment, Template
from tools.delivery.refusals import KOREA, refusals
from tools.paths import ROOT

REAL = ("prod", "private")


@pytest.fixture(autouse=True)
def _everything_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)


def refused(environment: str, template: Template = Template.SYSTEM) -> list[tuple[str, str]]:
    return list(refusals(Environment(environment), template))


@pytest.mark.parametrize("environment", [*REAL, "dev"])
@pytest.mark.parametrize("template", Template)
def test_nothing_is_refused_if_everything_is_set(environment: str, template: Template) -> None:
    assert refused(environment, template) == []


@pytest.mark.parametrize("environment", REAL)
def test_open_access_to_real_customers_needs_a_reason(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "open")
    monkeypatch.delenv("SESSION_PUBLIC_KEYS")
    monkeypatch.delenv("PRIVACY_PHONE")
    monkeypatch.delenv("KAKAO_LOGIN_CLIENT_ID")

    [(what, remedy)] = refused(environment)
    assert f"{environment} has real customers" in what
    assert "export OPEN_ACCESS_REASON=" in remedy

    monkeypatch.setenv("OPEN_ACCESS_REASON", "a demonstration")
    assert refused(environment) == []


@pytest.mark.parametrize("environment", REAL)
@pytest.mark.parametrize("template", Template)
def test_a_region_outside_korea_needs_a_reason(
    environment: str, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_LOCATION", "japaneast")

    [(what, remedy)] = refused(environment, template)
    assert "AZURE_LOCATION is japaneast, outside Korea" in what
    assert "export FOREIGN_REGION_REASON=" in remedy

    monkeypatch.setenv("FOREIGN_REGION_REASON", "a lawyer has agreed")
    assert refused(environment, template) == []


def test_dev_may_be_anywhere_and_open_without_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACCESS", "open")
    monkeypatch.setenv("AZURE_LOCATION", "eastus")

    assert refused("dev") == []


def test_a_misspelt_access_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "closed")

    assert refused("dev") == [("ACCESS is 'closed'.", "unset ACCESS, or export ACCESS=open")]


@pytest.mark.parametrize("environment", [*REAL, "dev"])
@pytest.mark.parametrize("keys", ["", "no JWKS", '{"keys": [{"kty": "EC", "crv": "P-256", "d": "private"}]}'])
def test_unusable_public_keys_are_refused_and_not_shown(
    environment: str, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCESS")  # customers, unless something else is said
    monkeypatch.setenv("SESSION_PUBLIC_KEYS", keys)

    [(what, remedy)] = refused(environment)
    assert what.startswith("SESSION_PUBLIC_KEYS ")
    assert "-m tools.sessions keys FILE" in remedy
    assert not keys or keys not in what


@pytest.mark.parametrize("environment", [*REAL, "dev"])
def test_my_page_needs_an_app_at_kakao(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAKAO_LOGIN_CLIENT_ID")

    [(what, remedy)] = refused(environment)
    assert what.startswith("KAKAO_LOGIN_CLIENT_ID is not set")
    assert "docs/kakao-login.md" in remedy


@pytest.mark.parametrize("url", ["http://ssak8.example.org", "https://ssak8.example.org/", "https://a.org/my", "a.org"])
def test_an_address_that_nobody_could_be_sent_back_to_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", url)

    [(what, remedy)] = refused("prod")
    assert what == f"PUBLIC_BASE_URL is {url}, which is no address of my page."
    assert "docs/custom-domain.md" in remedy

    monkeypatch.setenv("PUBLIC_BASE_URL", "https://ssak8.example.org")
    assert refused("prod") == []


@pytest.mark.parametrize("environment", REAL)
def test_missing_details_of_the_privacy_policy_are_named(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVACY_PHONE", "")
    monkeypatch.delenv("PRIVACY_EMAIL")

    [(what, _)] = refused(environment)
    assert what == "Not set, and part of the privacy policy: PRIVACY_PHONE, PRIVACY_EMAIL."


@pytest.mark.parametrize("environment", REAL)
@pytest.mark.parametrize(
    ("name", "value"), [("PRIVACY_PHONE", "call us"), ("PRIVACY_EMAIL", "us"), ("PRIVACY_DEPARTMENT", "a|b")]
)
def test_what_the_apps_would_not_start_with_is_refused(
    environment: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    [(what, remedy)] = refused(environment)
    assert what.startswith(f"{name} must ")
    assert remedy == f"export {name}=…, as docs/privacy-policy.md shows it"


def test_the_templates_know_the_same_regions() -> None:
    text = (ROOT / BICEP_FOLDER / "refusals.bicep").read_text(encoding="utf-8")

    [listed] = re.findall(r"^var korea = \[(.*)\]$", text, re.MULTILINE)
    assert tuple(re.findall(r"'(\w+)'", listed)) == KOREA
