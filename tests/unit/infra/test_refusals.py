"""What the templates refuse before anything is deployed, and what the message tells to do (refusals.bicep)."""

from pathlib import Path

import pytest

from shared.settings import WITH_DATA
from tests.unit.infra.compiler import VARIABLES, deploy, snapshot
from tools.play.apps import APPS

type Way = tuple[str, dict[str, str]]

# Each way to deploy an environment with real customers: `make deploy` of two, and azd.
REAL: tuple[Way, ...] = (
    ("system.prod.bicepparam", {}),
    ("system.private.bicepparam", {}),
    ("main.bicepparam", {"AZURE_ENV_NAME": "prod"}),
)
TRYING: tuple[Way, ...] = (("system.dev.bicepparam", {}), ("main.bicepparam", {"AZURE_ENV_NAME": "dev"}))


def ways(*listed: Way) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", listed, ids=[name for name, _ in listed])


def refusal(folder: Path, way: Way, more: str = "", **variables: str) -> str:
    """What is said instead of deploying."""
    name, always = way
    finished = snapshot(folder, name, more, "rg-test", **{**always, **variables})
    assert finished.returncode != 0
    return finished.stderr


@ways(*REAL)
def test_real_customers_are_not_open_to_everybody_unless_somebody_says_why(tmp_path: Path, way: Way) -> None:
    assert "Deploy with ACCESS=customers, or say in OPEN_ACCESS_REASON why" in refusal(tmp_path, way, ACCESS="open")

    name, always = way
    opened = deploy(tmp_path, name, ACCESS="open", OPEN_ACCESS_REASON="a demonstration for an hour", **always)

    assert not [app for app in WITH_DATA if "ACCESS" in opened.settings(app)]


@pytest.mark.parametrize("app", APPS)
def test_no_extra_setting_opens_an_app(tmp_path: Path, app: str) -> None:
    extra = ", ".join(f"{each}: {{ {"ACCESS: 'open'" if each == app else ''} }}" for each in APPS)

    here = deploy(tmp_path, "system.prod.bicepparam", f"param extraSettings = {{ {extra} }}".replace(", ", "\n"))

    assert {here.settings(each)["ACCESS"] for each in APPS} == {"customers"}


@ways(*REAL, ("foundation.prod.bicepparam", {}), ("foundation.private.bicepparam", {}))
def test_real_customers_are_in_korea_unless_somebody_says_why_not(tmp_path: Path, way: Way) -> None:
    message = refusal(tmp_path, way, AZURE_LOCATION="japaneast")
    assert "The region japaneast is outside Korea" in message
    assert "FOREIGN_REGION_REASON" in message

    name, always = way
    deploy(tmp_path, name, AZURE_LOCATION="japaneast", FOREIGN_REGION_REASON="a lawyer has agreed", **always)


@ways(*TRYING)
def test_an_environment_for_trying_out_may_be_open_and_anywhere_and_then_needs_nothing(
    tmp_path: Path, way: Way
) -> None:
    name, always = way
    nothing = {"SESSION_PUBLIC_KEYS": "", "KAKAO_LOGIN_CLIENT_ID": ""}
    here = deploy(tmp_path, name, ACCESS="open", AZURE_LOCATION="eastus", **nothing, **always)

    # Nor is there a page on which people would sign in.
    assert (here.outputs["WEB_APP_NAME"], here.outputs["WEB_URL"], here.outputs["MY_PAGE_URL"]) == ("", "", "")
    assert not [each["name"] for each in here.resources if "func-web" in each["name"] or "stweb" in each["name"]]
    assert 'backend-id="web"' not in here.one("Microsoft.ApiManagement/service/apis/policies")["properties"]["value"]
    for app in WITH_DATA:
        settings = here.settings(app)
        assert not [
            name for name in settings if name.startswith(("ACCESS", "SESSION_", "OPERATOR_", "OWNER_", "PRIVACY_"))
        ]


@ways(*REAL, *TRYING)
def test_customers_cannot_be_recognised_without_a_public_key(tmp_path: Path, way: Way) -> None:
    message = refusal(tmp_path, way, SESSION_PUBLIC_KEYS="")

    assert "`python -m tools.sessions keys FILE` prints one" in message


@ways(*REAL, *TRYING)
@pytest.mark.parametrize("key", ['{"keys": [{"kty": "EC", "d" : "private"}]}', "-----BEGIN PRIVATE KEY-----"])
def test_a_private_key_is_refused_wherever_it_is(tmp_path: Path, way: Way, key: str) -> None:
    message = refusal(tmp_path, way, SESSION_PUBLIC_KEYS=key)

    assert "SESSION_PUBLIC_KEYS has a private key" in message
    assert key not in message


@ways(*REAL, *TRYING)
def test_my_page_needs_an_app_at_kakao(tmp_path: Path, way: Way) -> None:
    message = refusal(tmp_path, way, KAKAO_LOGIN_CLIENT_ID="")

    assert "KAKAO_LOGIN_CLIENT_ID is not set" in message
    assert "docs/kakao-login.md" in message


@pytest.mark.parametrize("url", ["http://a.example.org", "https://a.example.org/", "https://a.example.org/my"])
def test_what_is_no_address_of_my_page_is_refused(tmp_path: Path, url: str) -> None:
    assert "PUBLIC_BASE_URL is no address of my page" in refusal(tmp_path, REAL[0], PUBLIC_BASE_URL=url)


def test_a_domain_whose_certificate_the_gateway_cannot_read_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, ("system.private.bicepparam", {}), PUBLIC_BASE_URL="https://ssak8.example.org")

    assert "reaches no private Key Vault. docs/custom-domain.md" in message


@ways(*REAL)
def test_the_details_of_the_privacy_policy_that_are_missing_are_named(tmp_path: Path, way: Way) -> None:
    message = refusal(tmp_path, way, PRIVACY_PHONE="", PRIVACY_EMAIL="")

    assert "part of the privacy policy: PRIVACY_EMAIL, PRIVACY_PHONE. docs/privacy-policy.md" in message


def test_the_variables_of_the_snapshots_are_read_by_the_parameter_files() -> None:
    assert {"ACCESS", "SESSION_PUBLIC_KEYS", "PRIVACY_PHONE", "AZURE_LOCATION"} <= VARIABLES.keys()
