"""The function apps on Azure: their settings, their scale, and their callers."""

import re

import pytest

from shared import resources
from shared.settings import WITH_DATA, Access, Service, Settings, SettingsError
from tests.unit.infra.compiler import TENANT, VARIABLES
from tests.unit.infra.deployments import ENVIRONMENTS, deployment, identity_in
from tools.paths import ROOT
from tools.play.apps import APPS

# Read by the host, the worker or a library, not by shared/settings.py.
READ_BY_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
}
OF_THE_DATABASE_AND_MESSAGES = {"COSMOS_CONNECTION__credential", "SERVICE_BUS_CONNECTION__credential"}
"""Read by the platform, too. My page has neither."""

# Known only on Azure, or different there from the default.
REQUIRED = {
    "AZURE_CLIENT_ID",
    "SSAK8_SERVICES",
    # By which callers are recognised.
    "ACCESS",
    "SESSION_ISSUER",
    "SESSION_AUDIENCE",
    "SESSION_PUBLIC_KEYS",
    "OPERATOR_ISSUER",
    "OPERATOR_AUDIENCE",
}
DATA = {
    "COSMOS_CONNECTION__accountEndpoint",
    "COSMOS_CONNECTION__clientId",
    "SERVICE_BUS_CONNECTION__fullyQualifiedNamespace",
    "SERVICE_BUS_CONNECTION__clientId",
}
SECRETS = {"SESSION_PRIVATE_KEY", "COOKIE_KEY", "KAKAO_LOGIN_CLIENT_SECRET"}
PRIVACY = set(re.findall(r"^\| `(PRIVACY_\w+)` \|", (ROOT / "docs/privacy-policy.md").read_text("utf-8"), re.MULTILINE))
REQUIRED_BY = {
    # A version before my page needs the details of the privacy policy.
    "customer": {"KAKAO_API_URL", "KAKAO_API_SCOPE", "FEED_POLL_MILLISECONDS", "OWNER_KEY"} | DATA | PRIVACY,
    "kakao": {"COSMOS_TIMEOUT_SECONDS", "CUSTOMER_APP_ID"} | DATA,
    "customerview": {"OWNER_KEY"} | DATA,
    "web": {"CUSTOMER_API_URL", "CUSTOMERVIEW_API_URL", "API_SCOPE", "PUBLIC_BASE_URL", "KAKAO_LOGIN_CLIENT_ID"}
    | SECRETS
    | PRIVACY,
}
REQUIRED_WITHOUT_READY_INSTANCES = {
    ("dev", "customer"): {"KAKAO_TIMEOUT_SECONDS", "REGISTRATION_SECONDS"},
    ("dev", "web"): {"API_TIMEOUT_SECONDS"},
}
# Flex Consumption refuses these, or fails to start with them; the last would replace the identity.
FORBIDDEN = (
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENT",
    "WEBSITE_VNET_ROUTE_ALL",
    "WEBSITE_TIME_ZONE",
    "TZ",
    "APPINSIGHTS_INSTRUMENTATIONKEY",
)
CALLERS = {
    "customer": {"gateway", "web"},
    # Not my page: kakao could not tell its POST from one of the customer app.
    "kakao": {"customer", "gateway"},
    "customerview": {"gateway", "web"},
    "web": {"gateway"},
}

every_app = pytest.mark.parametrize("app", APPS)
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def settings_that_the_code_reads() -> set[str]:
    return {str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()}


def test_there_is_an_app_for_each_service_and_a_plan_for_each_app() -> None:
    prod = deployment("prod")

    services = [app["tags"]["azd-service-name"] for app in prod.all("Microsoft.Web/sites")]
    plans = {app["properties"]["serverFarmId"] for app in prod.all("Microsoft.Web/sites")}

    assert sorted(services) == sorted(Service)
    assert plans == {plan["id"] for plan in prod.all("Microsoft.Web/serverfarms")}
    assert len(plans) == len(APPS)


@every_environment
@every_app
def test_an_app_has_every_setting_it_needs_and_none_that_nothing_reads(environment: str, app: str) -> None:
    names = set(deployment(environment).settings(app))

    required = REQUIRED | REQUIRED_BY[app] | REQUIRED_WITHOUT_READY_INSTANCES.get((environment, app), set())
    platform = READ_BY_THE_PLATFORM | (OF_THE_DATABASE_AND_MESSAGES if app in WITH_DATA else set())
    assert names == platform | required
    assert names - platform <= settings_that_the_code_reads()


@every_environment
@every_app
def test_no_setting_repeats_its_default(environment: str, app: str) -> None:
    settings = deployment(environment).settings(app)

    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or name.upper())
        if variable in settings:
            default = field.default
            same = settings[variable] == str(default)
            if isinstance(default, int | float):
                same = float(settings[variable]) == default
            assert not same, f"{variable} is {default} by default"


@every_environment
@every_app
def test_an_app_starts_with_its_settings(environment: str, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only Azure can evaluate expressions. Any text will do for them, except where a URL is needed.
    urls = ("COSMOS_CONNECTION__accountEndpoint", "OPERATOR_ISSUER")
    settings = deployment(environment).settings(app)
    for name, value in settings.items():
        monkeypatch.setenv(name, "https://example.com" if name in urls or name.endswith("_API_URL") else value)
    for secret in sorted(settings.keys() & {"OWNER_KEY", *SECRETS}):
        # The platform replaces the reference by the secret. An app that may not read it gets the reference itself.
        assert settings[secret].startswith("@Microsoft.KeyVault(")
        with pytest.raises(SettingsError, match=secret):
            Settings.load()
        monkeypatch.setenv(secret, "o" * 72)

    loaded = Settings.load()

    assert loaded.access is Access.CUSTOMERS
    assert loaded.ssak8_services == {Service(app)}
    assert loaded.cosmos_connection is None
    assert loaded.service_bus_connection is None


@every_environment
def test_every_app_has_the_same_provider(environment: str) -> None:
    """It decides whether customers need a phone number, which the apps must agree on."""
    assert len({deployment(environment).settings(app).get("KAKAO_PROVIDER") for app in APPS}) == 1


@every_environment
@every_app
def test_no_setting_is_refused_by_the_platform(environment: str, app: str) -> None:
    names = deployment(environment).settings(app)

    assert not [name for name in names if name.startswith(FORBIDDEN)]
    # With a connection string, even an empty one, the host would not sign in with its identity.
    assert not names.keys() & {"AzureWebJobsStorage", resources.COSMOS_CONNECTION, resources.SERVICE_BUS_CONNECTION}


@every_app
def test_an_app_signs_in_everywhere_as_itself(app: str) -> None:
    prod = deployment("prod")
    settings = prod.settings(app)
    [own] = prod.app(app)["identity"]["userAssignedIdentities"]

    assert own.endswith(f"/id-{app}-{prod.token}")
    for name in settings:
        # At Kakao it is no identity.
        signs_in = name != "KAKAO_LOGIN_CLIENT_ID"
        if signs_in and name.lower().endswith(("clientid", "client_id", "authentication_string")):
            assert identity_in(settings[name]) == app
        if name.endswith("__credential"):
            assert settings[name] == "managedidentity"


@every_environment
def test_my_page_calls_the_apps_that_accept_it_as_what_it_is(environment: str) -> None:
    here = deployment(environment)
    settings = here.settings("web")

    for name, app in (("CUSTOMER_API_URL", "customer"), ("CUSTOMERVIEW_API_URL", "customerview")):
        sign_in = here.one("Microsoft.Web/sites/config", f"func-{app}-{here.token}/authsettingsV2")["properties"]
        directory = sign_in["identityProviders"]["azureActiveDirectory"]
        assert f"/sites/func-{app}-{here.token}'" in settings[name]
        assert [settings["API_SCOPE"]] == [f"{a}/.default" for a in directory["validation"]["allowedAudiences"]]


@every_environment
def test_my_page_has_the_address_of_the_gateway(environment: str) -> None:
    here = deployment(environment)

    address = f"https://{here.outputs['GATEWAY_NAME']}.azure-api.net"
    assert here.settings("web")["PUBLIC_BASE_URL"] == here.outputs["MY_PAGE_URL"] == address


@every_app
def test_an_app_has_the_name_of_its_service(app: str) -> None:
    settings = deployment("prod").settings(app)

    assert settings["SSAK8_SERVICES"] == settings["OTEL_SERVICE_NAME"] == app


def seconds_of(environment: str, setting: str) -> float:
    """A setting of the customer app."""
    default = Settings.model_fields[setting.lower()].default
    return float(deployment(environment).settings("customer").get(setting, default))


def kakao_timeout(environment: str) -> float:
    """How long the customer app waits for kakao, if it has the time."""
    return seconds_of(environment, "KAKAO_TIMEOUT_SECONDS")


@every_environment
def test_even_a_kakao_that_just_started_waits_less_than_the_customer_app_waits_for_it(environment: str) -> None:
    opening = Settings.model_fields["ssak8_warm_start_seconds"].default
    storing = float(deployment(environment).settings("kakao")["COSMOS_TIMEOUT_SECONDS"])

    assert opening + storing < kakao_timeout(environment)


@every_environment
def test_where_kakao_may_have_no_instance_the_customer_app_waits_until_one_has_started(environment: str) -> None:
    scale = deployment(environment).app("kakao")["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    longest_start = 0 if any(ready["name"] == "http" for ready in scale["alwaysReady"]) else 10
    assert kakao_timeout(environment) >= longest_start + 5
    if longest_start:
        registration = seconds_of(environment, "REGISTRATION_SECONDS")
        assert registration >= kakao_timeout(environment) + seconds_of(environment, "COSMOS_TIMEOUT_SECONDS")


@every_environment
def test_my_page_waits_for_a_registration_as_long_as_it_may_take(environment: str) -> None:
    default = Settings.model_fields["api_timeout_seconds"].default
    waits = float(deployment(environment).settings("web").get("API_TIMEOUT_SECONDS", default))

    # Else it would say that nobody answers, about somebody who is registered a moment later.
    assert waits >= seconds_of(environment, "REGISTRATION_SECONDS")


@every_environment
def test_the_apps_of_an_environment_recognise_the_same_callers_and_those_of_no_other(environment: str) -> None:
    settings = [deployment(environment).settings(app) for app in APPS]
    tokens = {
        name: {each[name] for each in settings} for name in settings[0] if name.startswith(("SESSION_", "OPERATOR_"))
    }

    assert all(len(values) == 1 for values in tokens.values())
    others = [deployment(other).settings("kakao") for other in ENVIRONMENTS if other != environment]
    for name in ("SESSION_ISSUER", "SESSION_AUDIENCE"):
        assert not tokens[name] & {each[name] for each in others}


def test_operators_are_recognised_by_the_tenant_and_the_registration_of_the_deployment() -> None:
    settings = deployment("prod").settings("customer")

    # Of the cloud that it is deployed to: https://login.microsoftonline.com/ in most.
    assert settings["OPERATOR_ISSUER"] == (
        f"[format('{{0}}{{1}}/v2.0', environment().authentication.loginEndpoint, '{TENANT}')]"
    )
    assert settings["OPERATOR_AUDIENCE"] == VARIABLES["AUTH_CLIENT_ID"]


@every_environment
def test_only_the_customer_app_may_have_messages_sent(environment: str) -> None:
    assert identity_in(deployment(environment).settings("kakao")["CUSTOMER_APP_ID"]) == "customer"


def test_the_customer_app_calls_the_kakao_app_with_a_token_that_it_accepts() -> None:
    prod = deployment("prod")
    settings = prod.settings("customer")
    sign_in = prod.one("Microsoft.Web/sites/config", f"func-kakao-{prod.token}/authsettingsV2")["properties"]
    directory = sign_in["identityProviders"]["azureActiveDirectory"]

    assert f"/sites/func-kakao-{prod.token}'" in settings["KAKAO_API_URL"]
    assert [settings["KAKAO_API_SCOPE"]] == [f"{a}/.default" for a in directory["validation"]["allowedAudiences"]]


@every_environment
@every_app
def test_an_app_accepts_only_its_callers(environment: str, app: str) -> None:
    here = deployment(environment)
    sign_in = here.one("Microsoft.Web/sites/config", f"func-{app}-{here.token}/authsettingsV2")["properties"]
    policy = sign_in["identityProviders"]["azureActiveDirectory"]["validation"]["defaultAuthorizationPolicy"]

    assert sign_in["platform"]["enabled"] is True
    assert sign_in["globalValidation"] == {
        "requireAuthentication": True,
        "unauthenticatedClientAction": "Return401",
        "excludedPaths": ["/health", "/admin/host/status"],
    }
    assert {identity_in(caller) for caller in policy["allowedPrincipals"]["identities"]} == CALLERS[app]
    assert {identity_in(caller) for caller in policy["allowedApplications"]} == CALLERS[app]


@every_environment
@every_app
def test_the_runtime_has_the_python_of_development(environment: str, app: str) -> None:
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()

    configuration = deployment(environment).app(app)["properties"]["functionAppConfig"]
    assert configuration["runtime"] == {"name": "python", "version": version}
